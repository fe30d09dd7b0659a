import { expect, it } from 'vitest'
import type { TaskContext } from '../../src/engine/model.ts'
import { describeCommand } from '../../src/nodes/describe.ts'
import { sha256 } from '../../src/nodes/files.ts'
import type { Command, Node } from '../../src/nodes/node.ts'
import { textOf } from '../../src/nodes/text.ts'
import { dropInPath } from '../../src/operations/flag-edits.ts'
import { k3sFlags } from '../../src/operations/k3s-flags.ts'
import type { World } from '../../src/operations/world.ts'
import { someFacts } from './some-facts.ts'

const flags = { 'flannel-backend': 'none', 'disable-network-policy': 'true' }

it('writes a drop-in where no file holds the flags', () => {
  const facts = someFacts()
  const change = k3sFlags.diff(facts, 's1', { flags })
  expect(change?.files.map((file) => [file.path, file.kind, file.before])).toEqual([[dropInPath, 'drop-in', null]])
  if (!change) throw new Error('no change')
  expect(k3sFlags.diff(k3sFlags.predict(facts, 's1', change), 's1', { flags })).toBeNull()
})

it('edits each flag where it wins: one in the unit, one in config.yaml', () => {
  const facts = someFacts()
  const { k3s, unit } = facts.nodes.s1 ?? {}
  if (!k3s || !unit) throw new Error('no facts')
  const path = unit.fragmentPath
  const owner = { mode: 0o644, uid: 0, gid: 0, sha256: 'c'.repeat(64) }
  k3s.files[path] = { ...owner, text: "ExecStart=k3s server \\\n\t'--flannel-backend=vxlan' \\\n" }
  k3s.files['/etc/rancher/k3s/config.yaml'] = { ...owner, text: 'disable-network-policy: false\n' }
  k3s.flags['flannel-backend'] = { value: 'vxlan', from: path }
  k3s.flags['disable-network-policy'] = { value: 'false', from: '/etc/rancher/k3s/config.yaml' }
  const change = k3sFlags.diff(facts, 's1', { flags })
  expect(change?.files.map((file) => [file.kind, file.masked.after])).toEqual([
    ['unit', "ExecStart=k3s server \\\n\t'--flannel-backend=none' \\\n"],
    ['yaml', 'disable-network-policy: true\n'],
  ])
})

it('takes back the folder that was made for the drop-in, also where it never came to the drop-in', async () => {
  const sent: string[] = []
  const run = async (command: Command) => {
    sent.push(describeCommand(command))
    return { kind: 'exited' as const, code: 0, stdout: 'absent\n', stderr: '', durationMs: 1 }
  }
  const node = { name: 's1', run } as unknown as Node
  const change = k3sFlags.diff(someFacts(), 's1', { flags })
  if (!change || !('run' in k3sFlags.undo)) throw new Error('no change, or no undo')
  await k3sFlags.undo.run({ nodes: { get: () => node } } as unknown as World, 's1', change, {} as never)
  expect(sent).toEqual([`[read-file] ${dropInPath}`, '[remove-folder] /etc/rancher/k3s/config.yaml.d'])
})

it('writes a file back with every other byte as it was, in whatever encoding its comments are', async () => {
  const path = '/etc/rancher/k3s/config.yaml'
  const file = (value: string) => Buffer.from(`# caf\xe9\nflannel-backend: ${value}\n`, 'latin1')
  const facts = someFacts()
  const k3s = facts.nodes.s1?.k3s
  if (!k3s) throw new Error('no facts')
  k3s.files[path] = { mode: 0o600, uid: 0, gid: 0, sha256: sha256(file('vxlan')), text: textOf(file('vxlan')) }
  k3s.flags['flannel-backend'] = { value: 'vxlan', from: path }
  const change = k3sFlags.diff(facts, 's1', { flags: { 'flannel-backend': 'none' } })
  if (!change) throw new Error('no change')

  const written: Uint8Array[] = []
  const node: Node = {
    name: 's1',
    async run({ stdin }) {
      const stdout = `600 0 0 ${file('vxlan').length}\n${file('vxlan').toString('base64')}\n`
      if (typeof stdin === 'object') written.push(stdin)
      return {
        kind: 'exited',
        code: 0,
        stdout: String(stdin).startsWith('# read-file') ? stdout : '',
        stderr: '',
        durationMs: 1,
      }
    },
    connect: () => Promise.reject(new Error('not used')),
    reconnect: () => Promise.resolve(),
  }
  const world = {
    nodes: { names: ['s1'], get: () => node, close: () => Promise.resolve() },
    backups: { get: async () => file('vxlan'), put: async () => {} },
  } as unknown as World
  await k3sFlags.apply(world, 's1', change, {} as TaskContext)
  expect(written).toEqual([file('none')])
})

it('two steps that edit one file are taken back one by one, each to what it found', async () => {
  const facts = someFacts()
  const files = new Map<string, Buffer>()
  const kept = new Map<string, Uint8Array>()
  const node: Node = {
    name: 's1',
    async run({ argv, stdin }) {
      const [path = ''] = argv.slice(3)
      const name = String(stdin).match(/^# (\S+)/)?.[1]
      const file = files.get(dropInPath)
      const shown = file ? `600 0 0 ${file.length}\n${file.toString('base64')}\n` : 'absent\n'
      if (name === 'remove-file') files.delete(path)
      if (typeof stdin === 'object') files.set(dropInPath, Buffer.from(stdin))
      return { kind: 'exited', code: 0, stdout: name === 'read-file' ? shown : '', stderr: '', durationMs: 1 }
    },
    connect: () => Promise.reject(new Error('not used')),
    reconnect: () => Promise.resolve(),
  }
  const world = {
    nodes: { names: ['s1'], get: () => node, close: () => Promise.resolve() },
    backups: {
      get: async (_host: string, name: string) => kept.get(name) ?? null,
      put: async (_host: string, name: string, bytes: Uint8Array) => void kept.set(name, bytes),
    },
  } as unknown as World
  const text = () => files.get(dropInPath)?.toString() ?? null
  const first = k3sFlags.diff(facts, 's1', { flags: { 'disable-network-policy': 'true' } })
  if (!first) throw new Error('no change')
  const second = k3sFlags.diff(k3sFlags.predict(facts, 's1', first), 's1', {
    flags: { 'flannel-backend': 'none' },
    again: true,
  })
  if (!second || !('run' in k3sFlags.undo)) throw new Error('no change, or no undo')
  await k3sFlags.apply(world, 's1', first, {} as TaskContext)
  const between = text()
  await k3sFlags.apply(world, 's1', second, {} as TaskContext)
  expect(text()).toMatch(/^disable-network-policy: true\nflannel-backend: none$/m)
  await k3sFlags.undo.run(world, 's1', second, {} as TaskContext)
  expect(text()).toBe(between)
  await k3sFlags.undo.run(world, 's1', first, {} as TaskContext)
  expect(text()).toBeNull()
})
