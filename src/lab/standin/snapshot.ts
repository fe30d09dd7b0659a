import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { promisify } from 'node:util'
import { timestamp } from './api/operations.ts'
import { paths } from './context.ts'
import { etcdPaths } from './etcd/process.ts'
import { fatal, log } from './log.ts'
import { SupervisorClient } from './supervisor-client.ts'
import { parseToken } from './token.ts'

const folder = etcdPaths.snapshots

/** The server's half of `etcd-snapshot save`. A failure is recorded and answered with an empty list, as K3s does. */
export async function takeSnapshot(name: string, nodeName: string): Promise<{ created: string[] }> {
  if (existsSync(`${paths.faults}/snapshot-fails`)) {
    log('error', 'Failed to take etcd snapshot: rpc error: code = Unavailable')
    return { created: [] }
  }
  const file = `${name}-${nodeName}-${Math.floor(Date.now() / 1000)}`
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  log('info', `Saving etcd snapshot to ${folder}/${file}`)
  const { tls } = etcdPaths
  await promisify(execFile)(
    `${paths.etcd}/etcdctl`,
    [
      '--endpoints=https://127.0.0.1:2379',
      `--cacert=${tls}/server-ca.crt`,
      `--cert=${tls}/server-client.crt`,
      `--key=${tls}/server-client.key`,
      'snapshot',
      'save',
      `${folder}/${file}`,
    ],
    { env: { ...process.env, ETCDCTL_API: '3' } },
  )
  return { created: [file] }
}

/** `k3s etcd-snapshot save|ls|list|delete|prune`. @returns the exit code */
export async function etcdSnapshot(argv: readonly string[]): Promise<number> {
  const words = argv.filter((word) => !word.startsWith('-'))
  const command = words[0] ?? 'help'
  if (command === 'save') return save(optionOf(argv, 'name') ?? 'on-demand')
  if (command === 'ls' || command === 'list' || command === 'l')
    return list(optionOf(argv, 'output') ?? optionOf(argv, 'o'))
  if (command === 'delete') return remove(words.slice(1))
  if (command === 'prune')
    return prune(optionOf(argv, 'name') ?? 'on-demand', Number(optionOf(argv, 'snapshot-retention') ?? 5))
  process.stdout.write(
    'NAME:\n   k3s etcd-snapshot - Manage etcd snapshots\n\nCOMMANDS:\n   delete, list, ls, prune, save\n',
  )
  return command === 'help' ? 0 : 3
}

function optionOf(argv: readonly string[], name: string): string | undefined {
  const at = argv.findIndex((word) => word === `--${name}` || word === `-${name}`)
  if (at >= 0) return argv[at + 1]
  return argv.find((word) => word.startsWith(`--${name}=`))?.replace(/^[^=]*=/, '')
}

async function save(name: string): Promise<number> {
  const tokenFile = `${paths.data}/server/token`
  if (!existsSync(tokenFile)) fatal(`open ${tokenFile}: no such file or directory`)
  const token = parseToken(readFileSync(tokenFile, 'utf8'))
  const supervisor = new SupervisorClient('https://127.0.0.1:6443', 'server', token)
  try {
    await supervisor.trust(token)
    const { created } = await supervisor.post<{ created: string[] }>('/db/snapshot', { name })
    for (const file of created) log('info', `Snapshot ${file} saved.`)
    return 0
  } catch (error) {
    const reason =
      error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED'
        ? 'Post "https://127.0.0.1:6443/db/snapshot": dial tcp 127.0.0.1:6443: connect: connection refused'
        : String(error)
    fatal(`see server log for details: ${reason}`)
  }
}

interface Entry {
  name: string
  location: string
  size: number
  created: string
}

function entries(): Entry[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => !name.endsWith('.part'))
    .sort()
    .map((name) => {
      const { size, mtime } = statSync(`${folder}/${name}`)
      return { name, location: `file://${folder}/${name}`, size, created: timestamp(mtime) }
    })
}

function list(output: string | undefined): number {
  const found = entries()
  if (output === 'json') process.stdout.write(`${JSON.stringify(snapshotFiles(found))}\n`)
  else process.stdout.write(formatTable(found))
  return 0
}

/** Recent versions print a header; those before printed none. Columns as tabwriter lays them out. */
export function formatTable(found: readonly Entry[]): string {
  const rows = [
    ['Name', 'Location', 'Size', 'Created'],
    ...found.map((entry) => [entry.name, entry.location, String(entry.size), entry.created]),
  ]
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) => `${row.map((cell, column) => (column === 3 ? cell : cell.padEnd(widths[column] ?? 0))).join(' ')}\n`)
    .join('')
}

const snapshotFiles = (found: readonly Entry[]) => ({
  kind: 'ETCDSnapshotFileList',
  apiVersion: 'k3s.cattle.io/v1',
  metadata: {},
  items: found.map((entry) => ({
    metadata: { name: entry.name },
    spec: { snapshotName: entry.name, location: entry.location },
    status: { readyToUse: true, size: String(entry.size), creationTime: entry.created },
  })),
})

/** A name that does not exist is deleted in silence, and exit 0: so does the real one. */
function remove(names: readonly string[]): number {
  for (const name of names) {
    const path = `${folder}/${name.replaceAll('/', '')}`
    if (!existsSync(path)) continue
    rmSync(path)
    log('info', `Snapshot ${name} deleted.`)
  }
  return 0
}

function prune(name: string, keep: number): number {
  const ours = entries().filter((entry) => entry.name.startsWith(`${name}-`))
  return remove(ours.slice(0, Math.max(0, ours.length - keep)).map((entry) => entry.name))
}
