/** Run on the operator's side of a lab: what the SSH layer does with real nodes. Prints one JSON object. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadInventory } from '../../../src/inventory/load.ts'
import { OutcomeUnknown, UnreachableError } from '../../../src/nodes/errors.ts'
import { readFile, sha256, writeFileAtomic } from '../../../src/nodes/files.ts'
import { CommandLog } from '../../../src/nodes/logging.ts'
import type { Command } from '../../../src/nodes/node.ts'
import { nodeLock } from '../../../src/nodes/node-lock.ts'
import { openNodes } from '../../../src/nodes/nodes.ts'
import { createRedactor } from '../../../src/nodes/redactor.ts'
import { mustRun } from '../../../src/nodes/run.ts'
import { forgetReceipts, readReceipt, runDetached } from '../../../src/nodes/transient.ts'
import { parseAttempts } from '../../../src/probes/attempts.ts'
import { collectProbe, forgetProbe, probeContinuously } from '../../../src/probes/continuous.ts'

const [inventoryFile = '', drill = '', nodeName = ''] = process.argv.slice(2)
const inventory = loadInventory(inventoryFile, { checkFiles: true })
const folder = mkdtempSync(join(tmpdir(), 'ssh-drill-'))
const redactor = createRedactor()
const asked: string[] = []
const user = drill.startsWith('sudo:') ? drill.slice(5) : 'root'
const password = readFileSync(join(dirname(inventoryFile), 'operatorpw.password'), 'utf8').trim()
const nodes = openNodes(
  { nodes: inventory.nodes.map((node) => ({ ...node, ssh: { ...node.ssh, user } })) },
  {
    secrets: {
      async ask(prompt) {
        asked.push(prompt)
        return password
      },
    },
    redactor,
    mode: 'write',
    log: new CommandLog(join(folder, 'log'), redactor),
  },
)
const node = nodes.get(nodeName)
const sh = (text: string, more: Partial<Command> = {}): Command => ({
  argv: ['sh', '-c', text],
  mode: 'read',
  timeoutMs: 20_000,
  ...more,
})

/** What systemd would replace in a unit's arguments. */
const dollars = ['$', '{HOME} $$ %n'].join('')

/** Until the node lets us in again; any other error, and none after half a minute, is one. */
async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  const deadlineMs = performance.now() + 30_000
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      const away = error instanceof OutcomeUnknown || error instanceof UnreachableError
      if (!away || performance.now() > deadlineMs) throw error
      await sleep(200)
    }
  }
}

const drills: Record<string, () => Promise<unknown>> = {
  async many() {
    const outcomes = await Promise.all(Array.from({ length: 200 }, (_, i) => node.run(sh(`echo ${i}`))))
    return { wrong: outcomes.filter((outcome, i) => outcome.kind !== 'exited' || outcome.stdout !== `${i}\n`).length }
  },

  async sudo() {
    const id = await mustRun(node, sh('id -u; cat', { stdin: 'payload\n' }))
    const all = await Promise.all(nodes.names.map((name) => nodes.get(name).run(sh('id -u'))))
    const shadow = await readFile(node, '/etc/shadow')
    const bytes = Buffer.from([0, 1, 255, 10])
    const options = { mode: 0o600, uid: 0, gid: 0, expectedSha256Before: null }
    await writeFileAtomic(node, '/root/drill', bytes, options)
    const written = await readFile(node, '/root/drill')
    await mustRun(node, { argv: ['rm', '/root/drill'], mode: 'write', timeoutMs: 5_000 })
    const logs = readdirSync(join(folder, 'log')).map((name) => readFileSync(join(folder, 'log', name), 'utf8'))
    const ps = await mustRun(node, sh('journalctl --no-pager -o cat _COMM=sudo'))
    return {
      stdout: id.stdout,
      uids: all.map((outcome) => outcome.stdout),
      shadowMode: shadow?.mode,
      written: written?.sha256 === sha256(bytes),
      asked,
      leaked: logs.concat(ps.stdout).some((text) => text.includes(password)),
    }
  },

  async detached() {
    const id = { run: 'drill', task: `cut/${nodeName}` }
    const cut = [
      `printf '%s\\n' '${dollars}'`,
      'echo before',
      "dev=$(ip -o link | awk -F'[ :@]+' '$2 != \"lo\" { print $2; exit }')",
      'ip link set "$dev" down; sleep 3; ip link set "$dev" up',
      "ss -K state established '( sport = :22 )' >/dev/null 2>&1",
      'echo after',
    ].join('; ')
    const command = sh(cut, { mode: 'write', timeoutMs: 60_000 })
    const receipt = await runDetached(node, id, command)
    const again = await runDetached(node, id, command)
    await forgetReceipts(node, 'drill')
    const left = await mustRun(
      node,
      sh("ls -A /var/lib/cni-migrate 2>/dev/null; systemctl list-units --all 'cni-migrate*' --no-legend"),
    )
    return { receipt, same: again.startedMs === receipt.startedMs, left: left.stdout }
  },

  /** The test switches the node off meanwhile. */
  async 'detached-lost'() {
    const id = { run: 'lost', task: 'sleep' }
    const error = await runDetached(node, id, sh('sleep 30', { mode: 'write', timeoutMs: 60_000 })).catch(
      (e: unknown) => e,
    )
    // sshd may close connections while the node still boots: asking is harmless, so it is asked until it answers.
    const receipt = await untilAnswered(() => readReceipt(node, id))
    await untilAnswered(() => forgetReceipts(node, 'lost'))
    return { error: String(error), name: error instanceof Error ? error.name : '', receipt }
  },

  async lock() {
    const owner = (nonce: string) => ({
      nonce,
      runId: 'r',
      cluster: 'c',
      user: 'u',
      host: 'h',
      pid: 1,
      bootId: 'b',
      since: new Date().toISOString(),
    })
    const lock = nodeLock(node)
    const results = await Promise.all(['a', 'b', 'c', 'd'].map((nonce) => lock.acquire(owner(nonce))))
    const holder = await lock.inspect()
    await lock.release(holder?.nonce ?? '')
    return { taken: results.filter((result) => result === 'taken').length, after: await lock.inspect() }
  },

  async probe() {
    const target = { id: 'a>b:22', netns: '-', address: '127.0.0.1', port: 22, kind: 'tcp' as const }
    await probeContinuously(node, 'probe', [target])
    await new Promise((resolve) => setTimeout(resolve, 6000))
    await probeContinuously(node, 'probe', [{ ...target, port: 1 }])
    await new Promise((resolve) => setTimeout(resolve, 1500))
    const local = join(folder, 'results')
    await collectProbe(node, 'probe', local)
    await forgetProbe(node, 'probe')
    const { attempts, broken } = parseAttempts(readFileSync(local, 'utf8'))
    const left = await mustRun(node, sh('ls -A /var/lib/cni-migrate 2>/dev/null; ls /run | grep cni-migrate; true'))
    const count = (outcome: string) => attempts.filter((one) => one.outcome === outcome).length
    return {
      ok: count('ok'),
      refused: count('refused'),
      broken,
      left: left.stdout,
    }
  },
}

try {
  const result = await drills[drill.split(':')[0] ?? '']?.()
  process.stdout.write(`${JSON.stringify(result)}\n`)
} finally {
  await nodes.close()
  rmSync(folder, { recursive: true })
}
