import { describe, expect, test } from 'vitest'
import { InputError } from '../../src/errors.ts'
import { clusterFamilies, type Facts, factsSchema, nodeFamilies } from '../../src/facts/facts.ts'
import { factsReader } from '../../src/facts/reader.ts'
import type { KubeApi } from '../../src/kube/api.ts'
import { KubeUnreachableError } from '../../src/kube/errors.ts'
import { HostKeyError } from '../../src/nodes/errors.ts'
import type { Command, Node, Nodes } from '../../src/nodes/node.ts'

const frame = (name: string, text: string, code = 0) =>
  `@@ ${name}\n${Buffer.from(text).toString('base64')}\n@= ${code}\n@.\n`

/** A node's answer by what the script asks; only what the parsers insist on. */
const show = 'MainPID=1\nExecStart={ path=/k3s ; argv[]=/k3s agent ; ignore_errors=no ; }\n'
const said: Readonly<Record<string, string>> = {
  'host.hostname':
    frame('host.hostname', 'h') +
    frame('host.kernel', '6') +
    frame('host.boot', 'b') +
    frame('host.disks', '') +
    frame('host.addresses', '[]') +
    frame('host.commands', '') +
    frame('host.services', '') +
    frame('host.resolves', ''),
  'unit.name': frame('unit.name', 'k3s-agent.service') + frame('unit.show', show),
  'k3s.unit':
    frame('k3s.unit', 'k3s-agent.service') +
    frame('k3s.show', show) +
    frame('k3s.files', '') +
    frame('k3s.config', '/c') +
    frame('k3s.version', 'k3s version v1.34.4+k3s1 (x)'),
  'etcd.role': frame('etcd.role', 'agent'),
  'netfilter.version': '',
  'network.links': frame('network.links', '[]') + frame('network.routes', '') + frame('network.rules', ''),
  'cni.list': frame('cni.list', '') + frame('cni.digests', '') + frame('cni.texts', ''),
  'sandboxes.list': frame('sandboxes.list', '', 1),
  'images.list': frame('images.list', '', 1),
  'kernel.arch':
    frame('kernel.arch', 'x86_64') +
    frame('kernel.filesystems', '') +
    frame('kernel.mounts', '') +
    frame('kernel.sysctls', ''),
  'upkeep.units': frame('upkeep.units', '', 3),
  'guards.runs': frame('guards.runs', ''),
}

interface Asked {
  node: string
  sections: string[]
}

function setUp(over: { fail?: readonly string[]; refuse?: Error; nowMs?: () => number } = {}) {
  const asked: Asked[] = []
  let kubeReads = 0
  let probes = 0
  const node = (name: string): Node => ({
    name,
    async run(command: Command) {
      const sections = Object.keys(said).filter((one) => String(command.stdin).includes(`emit ${one} `))
      asked.push({ node: name, sections })
      expect(command.mode).toBe('read')
      expect(command.argv).toEqual(['sh', '-s', '--', 'n1', 'n2'])
      if (over.refuse) throw over.refuse
      if (over.fail?.includes(name))
        return { kind: 'unknown', reason: 'connection lost', stdout: '', stderr: '', durationMs: 1 }
      const clock = frame('begin', '1763708912000000000')
      const stdout = `${clock}${sections.map((one) => said[one]).join('')}${clock.replace('begin', 'end')}@end\n`
      return { kind: 'exited', code: 0, stdout, stderr: '', durationMs: 1 }
    },
    connect: () => Promise.reject(new Error('no')),
    reconnect: () => Promise.resolve(),
  })
  const nodes: Nodes = { names: ['n1', 'n2'], get: node, close: async () => undefined }
  const kube = {
    raw: async () => {
      kubeReads++
      throw new KubeUnreachableError('down')
    },
    list: () => Promise.reject(new KubeUnreachableError('down')),
  } as unknown as KubeApi
  const inventory = {
    cluster: { name: 'home' },
    nodes: [
      { name: 'n1', role: 'agent', address: '10.0.0.1', ssh: {} },
      { name: 'n2', role: 'agent', address: '10.0.0.2', ssh: {} },
    ] as const,
  }
  const reader = factsReader({
    inventory,
    nodes,
    kube,
    reachability: async () => {
      probes++
      return []
    },
    paths: async () => [],
    clock: { nowMs: over.nowMs ?? (() => 1_763_708_911_000), sleep: () => Promise.resolve() },
  })
  return { reader, asked, counts: () => ({ kubeReads, probes }) }
}

const all = [...nodeFamilies, ...clusterFamilies]

describe('the first reading', () => {
  test('is whole, whatever was asked; reachability only when asked', async () => {
    const { reader, asked, counts } = setUp()
    const facts = await reader.read(['k3s'], ['n1'], null)
    expect(factsSchema.parse(facts)).toMatchObject({
      cluster: 'home',
      reachability: null,
      kube: { reachable: false, error: 'down' },
    })
    expect(reader.unanswered(facts, ['sandboxes', 'kube'])).toBe('the Kubernetes API does not answer: down')
    expect(reader.unanswered(facts, ['sandboxes'])).toBeNull()
    expect(asked.map((one) => one.node)).toEqual(['n1', 'n2'])
    expect(asked[0]?.sections).toEqual(Object.keys(said))
    expect(facts.nodes.n2).toMatchObject({ name: 'n2', address: '10.0.0.2', unit: { role: 'agent' } })
    expect(counts()).toEqual({ kubeReads: 1, probes: 0 })
    expect((await reader.read(all, 'all', null)).reachability).toEqual([])
  })

  test.each([
    // The node says 1763708912000 at both ends; the operator's clock says this when it asks and when it has the answer.
    ['ahead', 1_763_708_910_000, 1_763_708_910_300, 1_700],
    ['behind', 1_763_708_915_000, 1_763_708_915_300, -3_000],
    ['not to be told from a slow answer', 1_763_708_911_000, 1_763_708_913_000, 0],
  ])('a clock that is %s', async (_, sentMs, answeredMs, offset) => {
    const times = [sentMs, sentMs, answeredMs]
    const { reader } = setUp({ nowMs: () => times.shift() ?? answeredMs })
    const facts = await reader.read([], 'all', null)
    expect(facts.nodes.n1?.host.clockOffsetMs).toBe(offset)
  })
})

describe('a later reading', () => {
  test('replaces the families asked for, of the targets asked for, in one command each', async () => {
    const { reader, asked, counts } = setUp()
    const first = await reader.read(all, 'all', null)
    const marked: Facts = structuredClone(first)
    for (const node of Object.values(marked.nodes)) node.images = ['kept']
    asked.length = 0
    const facts = await reader.read(['etcd', 'sandboxes'], ['n2', 'cluster'], marked)
    expect(asked).toEqual([{ node: 'n2', sections: ['etcd.role', 'sandboxes.list'] }])
    expect(facts.nodes.n2?.images).toEqual(['kept'])
    expect(facts.nodes.n1).toBe(marked.nodes.n1)
    expect(facts.kube).toBe(marked.kube)
    expect(counts()).toEqual({ kubeReads: 1, probes: 1 })
    // What was given is not changed.
    expect(marked.nodes.n2?.images).toEqual(['kept'])
  })

  test('of the cluster alone asks no node', async () => {
    const { reader, asked, counts } = setUp()
    const first = await reader.read([], 'all', null)
    asked.length = 0
    await reader.read(['kube'], ['cluster'], first)
    expect(asked).toEqual([])
    expect(counts().kubeReads).toBe(2)
  })
})

test('every node that failed is named, and nothing is made up for it', async () => {
  await expect(setUp({ fail: ['n1'] }).reader.read(all, 'all', null)).rejects.toThrow(
    /n1: it is not known how this ended/,
  )
  await expect(setUp({ fail: ['n1', 'n2'] }).reader.read(all, 'all', null)).rejects.toThrow(/n1: [\s\S]*\nn2: /)
})

test('what nobody can be asked for is said once, and stays an error of the call', async () => {
  const refuse = new InputError('a password is needed, and there is no terminal')
  const failure = await setUp({ refuse })
    .reader.read(all, 'all', null)
    .catch((error: unknown) => error)
  expect(failure).toBe(refuse)
})

describe('where silence is borne', () => {
  test('who does not answer is noted with its reason; asked itself, it has to answer', async () => {
    const fail = ['n2']
    const { reader, asked } = setUp({ fail })
    const facts = await reader.read(all, 'answering', null)
    expect(Object.keys(facts.nodes)).toEqual(['n1'])
    expect(factsSchema.parse(facts).silent).toEqual({
      n2: expect.stringMatching(/^n2: it is not known how this ended/),
    })
    asked.length = 0
    await reader.read(['kube'], 'all', facts)
    await reader.read(['unit'], ['n1'], facts)
    expect(asked.map(({ node }) => node)).toEqual(['n1'])
    await expect(reader.read(['unit'], ['n2'], facts)).rejects.toThrow(/n2: it is not known/)
    await expect(reader.read(['unit'], 'all', facts)).rejects.toThrow(/n2: it is not known/)
    fail.length = 0
    const later = await reader.read(['unit'], 'answering', facts)
    expect(Object.keys(later.nodes)).toEqual(['n1', 'n2'])
    expect(later.silent).toBeUndefined()
  })

  test('of one that answered before and is silent now nothing old is kept', async () => {
    const fail: string[] = []
    const { reader } = setUp({ fail })
    const before = await reader.read(all, 'answering', null)
    fail.push('n1')
    const facts = await reader.read(['unit'], 'answering', before)
    expect(Object.keys(facts.nodes)).toEqual(['n2'])
    expect(Object.keys(facts.silent ?? {})).toEqual(['n1'])
  })

  test('a host that must not be spoken to is no silent one', async () => {
    const { reader } = setUp({ refuse: new HostKeyError('n1: the host key is not the one that is known') })
    await expect(reader.read(all, 'answering', null)).rejects.toThrow('host key')
  })
})
