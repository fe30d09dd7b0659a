import { describe, expect, test } from 'vitest'
import type { Command, Node, Nodes } from '../../src/nodes/node.ts'
import { choosePaths, parsePaths, readPaths } from '../../src/probes/node-paths.ts'
import { someFacts, someInventory, someNode } from '../operations/some-facts.ts'

const cilium = someInventory.cilium

describe('what is tried', () => {
  const paths = choosePaths(someFacts(), cilium)
  const of = (from: string, to: string) =>
    paths.filter((one) => one.from === from && one.to === to).map(({ protocol, port }) => `${port}/${protocol}`)

  test('by the roles of both ends', () => {
    const always = ['8473/udp', '4240/tcp', '0/icmp', '10250/tcp']
    expect(of('s1', 'a1')).toEqual(always)
    expect(of('a1', 's1')).toEqual([...always, '6443/tcp'])
    expect(of('s1', 's2')).toEqual([...always, '6443/tcp', '2379/tcp', '2380/tcp'])
    expect(of('s1', 's1')).toEqual([])
  })

  test('an address of the API that the inventory gives, from every node; a name or a loopback from none', () => {
    const given = (k8sServiceHost: string) =>
      choosePaths(someFacts(), { ...cilium, values: { k8sServiceHost, k8sServicePort: 6443 } }).filter(
        ({ to }) => to === k8sServiceHost,
      )
    expect(given('192.168.0.45').map(({ from, port }) => [from, port])).toEqual(
      ['s1', 's2', 's3', 'a1'].map((name) => [name, 6443]),
    )
    expect(given('k8s.example')).toEqual([])
    expect(given('127.0.0.1')).toEqual([])
  })

  test('on a large cluster not the full square, and yet every node from somewhere', () => {
    const names = Array.from({ length: 40 }, (_, index) => `n${index}`)
    const facts = {
      ...someFacts(),
      nodes: Object.fromEntries(names.map((name, index) => [name, someNode(name, index, 'agent')])),
    }
    const tried = choosePaths(facts, cilium).filter(({ port }) => port === 4240)
    expect(tried).toHaveLength(40 * 11)
    expect(new Set(tried.map(({ to }) => to)).size).toBe(40)
  })
})

test('only lines of the script count, and only datagrams with the token of this time', () => {
  const said = parsePaths(
    [
      'Welcome!',
      'listening udp 8473 yes',
      'try 3 open',
      'try 4 marvellous',
      'arrived 8473 old s2',
      'arrived 8473 new s3',
    ].join('\n'),
    'new',
  )
  expect(said).toEqual({
    listening: new Map([['udp:8473', true]]),
    tries: new Map([[3, 'open']]),
    arrived: new Set(['8473 s3']),
  })
})

describe('what comes of it', () => {
  /** Two nodes; what each says to its own targets, by `ID PROTOCOL ADDRESS PORT RETRY`. */
  async function between(say: (node: string, targets: string[][], token: string) => string[] | null) {
    const facts = someFacts()
    facts.nodes = Object.fromEntries(Object.entries(facts.nodes).filter(([name]) => ['s1', 'a1'].includes(name)))
    const node = (name: string): Node => ({
      name,
      async run(command: Command) {
        expect(command.mode).toBe('read')
        const targets = String(command.stdin)
          .trim()
          .split('\n')
          .map((line) => line.split(' '))
        const lines = say(name, targets, command.argv[4] ?? '')
        return lines === null
          ? { kind: 'unknown', reason: 'lost', stdout: '', stderr: '', durationMs: 1 }
          : { kind: 'exited', code: 0, stdout: `${lines.join('\n')}\n`, stderr: '', durationMs: 1 }
      },
      connect: () => Promise.reject(new Error('no')),
      reconnect: () => Promise.resolve(),
    })
    const nodes: Nodes = { names: ['s1', 'a1'], get: node, close: async () => undefined }
    const paths = await readPaths(nodes, facts, cilium)
    return Object.fromEntries(
      paths.map((one) => [`${one.from} ${one.port}/${one.protocol}`, [one.outcome, one.listening, one.why]]),
    )
  }

  test('arrived, lost, refused although somebody listens, and no ping', async () => {
    const found = await between((name, targets, token) => [
      'listening udp 8473 yes',
      `listening tcp 4240 ${name === 's1' ? 'yes' : 'no'}`,
      ...(name === 'a1' ? [`arrived 8473 ${token} s1`] : []),
      ...targets.map(
        ([id, protocol, , port]) =>
          `try ${id} ${protocol === 'icmp' ? 'not-tried' : port === '4240' ? 'refused' : 'open'}`,
      ),
    ])
    expect(found).toMatchObject({
      's1 8473/udp': ['open', true, null],
      'a1 8473/udp': ['lost', true, null],
      's1 4240/tcp': ['refused', false, null],
      'a1 4240/tcp': ['refused', true, null],
      's1 0/icmp': ['not-tried', true, 'there is no ping'],
      'a1 6443/tcp': ['open', true, null],
    })
  })

  test('a node that does not answer was not tried from, and nothing was sent to it in vain', async () => {
    const found = await between((name) => (name === 'a1' ? null : []))
    expect(found['a1 10250/tcp']).toEqual(['not-tried', true, 'the node that tries did not answer'])
    expect(found['s1 8473/udp']).toEqual([
      'not-tried',
      false,
      expect.stringContaining('nothing could be made to listen'),
    ])
    expect(found['s1 10250/tcp']).toEqual(['not-tried', true, 'nothing was said about it'])
  })
})
