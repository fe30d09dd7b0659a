import { dirname } from 'node:path/posix'
import type { Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { readFile, removeFile, sha256, writeFileAtomic } from '../nodes/files.ts'
import { mustRun, script } from '../nodes/run.ts'
import { bytesOf, textOf } from '../nodes/text.ts'
import { backupName } from './backup.ts'
import { dropInPath, editDropIn, editUnit, editYaml, type FlagEdit } from './flag-edits.ts'
import type { World } from './world.ts'

interface FileEdit {
  path: string
  kind: 'unit' | 'yaml' | 'drop-in'
  edits: FlagEdit[]
  /** null: the file is made. */
  before: { sha256: string; mode: number; uid: number; gid: number } | null
  /** Texts with secrets masked, for the diff only. */
  masked: { before: string | null; after: string }
}

export interface FlagsChange {
  files: FileEdit[]
  /** An earlier step of the same run edits these files too: what they were before is only known when it has. */
  again?: true
}

interface FlagsWanted {
  flags: Readonly<Record<string, string>>
  again?: true
}

/** A file as it was before a step edited it: of several steps that edit one file, each has its own. */
const beforeName = (path: string, digest: string) => `${backupName(path)}.${digest.slice(0, 12)}`

const edited = (file: Pick<FileEdit, 'kind' | 'edits' | 'path'>, text: string): string =>
  file.kind === 'drop-in'
    ? editDropIn(text, file.edits)
    : file.edits.reduce((now, edit) => (file.kind === 'unit' ? editUnit : editYaml)(now, edit, file.path), text)

/** Which file wins for each flag, and so where it must be set: CLI > drop-ins > config.yaml > default. */
function placeEdits(facts: Facts, target: string, wanted: Readonly<Record<string, string>>): FlagsChange {
  const k3s = facts.nodes[target]?.k3s
  if (!k3s) return { files: [] }
  const byPath = new Map<string, FlagEdit[]>()
  for (const [key, value] of Object.entries(wanted)) {
    const flag = k3s.flags[key]
    if (flag?.value === value) continue
    const path = flag && k3s.files[flag.from] ? flag.from : dropInPath
    byPath.set(path, [...(byPath.get(path) ?? []), { key, value }])
  }
  const files = [...byPath].map(([path, edits]): FileEdit => {
    const file = k3s.files[path]
    const kind = path === dropInPath ? 'drop-in' : path.endsWith('.yaml') || path.endsWith('.yml') ? 'yaml' : 'unit'
    const before = file ? { sha256: file.sha256, mode: file.mode, uid: file.uid, gid: file.gid } : null
    return {
      path,
      kind,
      edits,
      before,
      masked: { before: file?.text ?? null, after: edited({ path, kind, edits }, file?.text ?? '') },
    }
  })
  return { files }
}

/** The folder may have been made for the file, also where it never came to the file; anything else in it keeps it. */
const removeFolderScript = '[ ! -d "$1" ] || rmdir --ignore-fail-on-non-empty -- "$1"'

/**
 * Server flags, each set in the place that wins for it, or in a drop-in of our own when no file holds it. Servers only:
 * agents learn them from a server at their start, and a server-only key would kill them (k3s-kube-router.md §2.2).
 */
export const k3sFlags: Operation<Facts, World, FlagsWanted, FlagsChange> = {
  name: 'k3s.flags',
  reads: ['k3s'],
  diff(facts, target, { flags, again }) {
    const change = placeEdits(facts, target, flags)
    return change.files.length === 0 ? null : { ...change, ...(again ? { again } : {}) }
  },
  predict(facts, target, change) {
    const node = facts.nodes[target]
    if (!node) return facts
    const k3s = { ...node.k3s, files: { ...node.k3s.files }, flags: { ...node.k3s.flags } }
    for (const file of change.files) {
      const owner = file.before ?? { mode: 0o600, uid: 0, gid: 0 }
      k3s.files[file.path] = { ...owner, sha256: sha256(Buffer.from(file.masked.after)), text: file.masked.after }
      for (const { key, value } of file.edits) k3s.flags[key] = { value, from: file.path }
    }
    return { ...facts, nodes: { ...facts.nodes, [target]: { ...node, k3s } } }
  },
  fingerprint: (change) =>
    change.files.map(({ path, edits, before }) => ({
      path,
      edits: edits.map((edit) => ({ ...edit })),
      ...(change.again ? {} : { before: before?.sha256 ?? null }),
    })),
  render: (change) => ({
    summary: change.files
      .map(
        (file) =>
          `${file.before ? 'edit' : 'write'} ${file.path}: ${file.edits.map((e) => `${e.key}=${e.value}`).join(', ')}`,
      )
      .join('; '),
    diffs: change.files.map((file) => ({ subject: file.path, before: file.masked.before, after: file.masked.after })),
  }),
  async apply(world, target, change) {
    const node = world.nodes.get(target)
    for (const file of change.files) {
      // A file that shall not be there yet is not read first: writing refuses to replace one, and K3s stands still meanwhile.
      const now = file.before && (await readFile(node, file.path))
      if (now?.sha256 !== file.before?.sha256)
        throw new FailedError(`${file.path} is not what it was when this was planned; it was left alone`, {
          host: target,
          next: 'migrate plan',
        })
      if (now) await world.backups.put(target, beforeName(file.path, now.sha256), now.bytes)
      const text = edited(file, now ? textOf(now.bytes) : '')
      const owner = file.before ?? { mode: 0o600, uid: 0, gid: 0 }
      if (!file.before)
        await mustRun(node, { argv: ['mkdir', '-p', dirname(file.path)], mode: 'write', timeoutMs: 30_000 })
      await writeFileAtomic(node, file.path, bytesOf(text), {
        mode: owner.mode,
        uid: owner.uid,
        gid: owner.gid,
        expectedSha256Before: file.before?.sha256 ?? null,
      })
    }
    await reload(world, target, change)
  },
  async verify(world, target, change) {
    const flags = (await world.look(['k3s'], [target])).nodes[target]?.k3s.flags ?? {}
    for (const file of change.files)
      for (const { key, value } of file.edits)
        if (flags[key]?.value !== value)
          throw new FailedError(
            `${key} was set to ${value} in ${file.path}, but ${flags[key]?.from ?? 'K3s'} still makes it ${flags[key]?.value ?? 'the default'}`,
            { host: target },
          )
  },
  undo: {
    how: 'put back the former files from the backup, byte for byte; remove what was added',
    async run(world, target, change) {
      const node = world.nodes.get(target)
      for (const file of change.files) {
        const now = await readFile(node, file.path)
        if (!file.before) {
          if (now) await removeFile(node, file.path, now.sha256)
          const command = script('remove-folder', removeFolderScript, [dirname(file.path)])
          await mustRun(node, { ...command, mode: 'write', timeoutMs: 30_000 })
          continue
        }
        if (now?.sha256 === file.before.sha256) continue
        const bytes =
          (await world.backups.get(target, beforeName(file.path, file.before.sha256))) ??
          (await world.backups.get(target, backupName(file.path)))
        if (!bytes || sha256(bytes) !== file.before.sha256)
          throw new FailedError(`the backup of ${file.path} is missing or damaged; the file was left as it is`, {
            host: target,
          })
        const { mode, uid, gid } = file.before
        await writeFileAtomic(node, file.path, bytes, { mode, uid, gid, expectedSha256Before: now?.sha256 ?? null })
      }
      await reload(world, target, change)
    },
  },
}

/** systemd has to be told of its own files only. */
async function reload(world: World, target: string, change: FlagsChange): Promise<void> {
  if (!change.files.some((file) => file.kind === 'unit')) return
  await mustRun(world.nodes.get(target), { argv: ['systemctl', 'daemon-reload'], mode: 'write', timeoutMs: 60_000 })
}
