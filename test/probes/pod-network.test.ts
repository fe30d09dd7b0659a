import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { Node } from '../../src/nodes/node.ts'
import { watchPodNetworks } from '../../src/probes/pod-network.ts'

const reason = process.getuid?.() !== 0 ? 'needs root' : undefined
if (reason !== undefined) console.warn(`test/probes/pod-network.test.ts is skipped: ${reason}`)

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** A network namespace, with these lines done in it, that lives until the test's end. */
async function namespaceWith(lines: string): Promise<string> {
  const holder = spawn(
    'unshare',
    ['--net', 'bash', '-c', `set -e; PATH=$PATH:/usr/sbin:/sbin; ${lines}; echo ready; exec sleep 60`],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  closers.push(() => holder.kill())
  await new Promise<void>((resolve, reject) => {
    holder.stdout.once('data', () => resolve())
    holder.once('exit', () => reject(new Error('the namespace was not made')))
  })
  return `/proc/${holder.pid}/ns/net`
}

/** This machine as a node, with another PATH if wanted. */
const here = (env: NodeJS.ProcessEnv = process.env): Node => ({
  name: 'here',
  connect: () => Promise.reject(new Error('not used')),
  reconnect: () => Promise.resolve(),
  async run({ argv, stdin, mode }) {
    expect(mode).toBe('read')
    const [program, ...args] = argv
    const { status, stdout, stderr } = spawnSync(program, args, { input: stdin ?? '', env, encoding: 'utf8' })
    return { kind: 'exited', code: status ?? -1, stdout, stderr, durationMs: 1 }
  },
})
const clock = { nowMs: () => Date.now(), sleep: async () => {} }
/** One look. */
const options = { clock, durationMs: 0 }

const plumbing = `ip link set lo up
ip link add eth0 type veth peer name far
ip link set eth0 up; ip link set far up
ip addr add 10.42.0.9/24 dev eth0
ip route add default via 10.42.0.1
ip neigh add 10.42.0.1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent`

test.skipIf(reason)('a namespace as it should be', async () => {
  const netns = await namespaceWith(plumbing)
  const choice = { namespace: 'a', pod: 'b', netns, destinations: ['192.0.2.9', '10.42.0.9', '255.255.255.255'] }
  const { networks, problem } = await watchPodNetworks(here(), [choice], options)
  expect(problem).toBeNull()
  const [found] = networks
  expect(found?.routes).toEqual([
    { destination: '192.0.2.9', asked: 10, unicast: 10, answers: ['ip route get: unicast', 'netlink: unicast'] },
    { destination: '10.42.0.9', asked: 10, unicast: 0, answers: ['ip route get: local', 'netlink: local'] },
    {
      destination: '255.255.255.255',
      asked: 10,
      unicast: 0,
      answers: ['ip route get: broadcast', 'netlink: broadcast'],
    },
  ])
  expect(found?.neighbours).toEqual([{ address: '10.42.0.1', state: 'PERMANENT' }])
  expect(found?.foreignRules).toEqual([])
  expect(found?.sockets).toEqual({ tcp: 0, tcpListening: 0, udp: 0, timeWait: 0 })
})

test.skipIf(reason)('what a process in it has changed', async () => {
  const netns = await namespaceWith(`${plumbing}
ip rule add priority 100 ipproto tcp sport 32768-60999 unreachable
ip addr add 239.255.255.250/32 dev eth0 autojoin
iptables-nft -A OUTPUT -j ACCEPT
exec 3<>/dev/udp/192.0.2.9/53 4<>/dev/udp/192.0.2.9/53`)
  const choice = { namespace: 'a', pod: 'b', netns, destinations: ['192.0.2.9'] }
  const { networks } = await watchPodNetworks(here(), [choice], options)
  // As in the report: every lookup by address is fine, and connecting is not.
  expect(networks[0]?.routes[0]).toMatchObject({ asked: 10, unicast: 10 })
  expect(networks[0]?.foreignRules).toEqual(['100: from all ipproto tcp sport 32768-60999 unreachable'])
  expect(networks[0]?.multicastGroups).toContain('239.255.255.250')
  expect(networks[0]?.netfilterTables.join()).toContain('filter')
  expect(networks[0]?.sockets.udp).toBe(2)
})

test.skipIf(reason)('a node without python3 says that the kernel was not asked', async () => {
  const netns = await namespaceWith(plumbing)
  const folder = mkdtempSync(join(tmpdir(), 'pod-network-'))
  closers.push(() => rmSync(folder, { recursive: true }))
  for (const program of ['bash', 'nsenter', 'sed', 'awk', 'cat', 'timeout'])
    symlinkSync(spawnSync('which', [program], { encoding: 'utf8' }).stdout.trim(), join(folder, program))
  const choice = { namespace: 'a', pod: 'b', netns, destinations: ['192.0.2.9'] }
  const { networks } = await watchPodNetworks(here({ PATH: folder }), [choice], options)
  expect(networks[0]?.routes[0]).toMatchObject({
    asked: 5,
    answers: ['ip route get: unicast', 'netlink: not asked (no python3 on the node)'],
  })
})

test.skipIf(reason)('no route at all, and a namespace that is gone', async () => {
  const netns = await namespaceWith('ip link set lo up')
  const choices = [
    { namespace: 'a', pod: 'b', netns, destinations: ['192.0.2.9'] },
    { namespace: 'a', pod: 'gone', netns: '/run/netns/there-is-no-such-one', destinations: ['192.0.2.9'] },
  ]
  const { networks, problem } = await watchPodNetworks(here(), choices, options)
  expect(networks.map(({ pod }) => pod)).toEqual(['b'])
  expect(networks[0]?.routes[0]).toMatchObject({
    unicast: 0,
    answers: ['ip route get: Network is unreachable', 'netlink: ENETUNREACH'],
  })
  expect(problem).toBe('here: the network of a/gone is not there')
})

test('ended before the first look: said, and nobody is taken for gone', async () => {
  const choice = { namespace: 'a', pod: 'b', netns: '/proc/self/ns/net', destinations: [] }
  const { networks, problem } = await watchPodNetworks(here(), [choice], { ...options, signal: AbortSignal.abort() })
  expect(networks).toEqual([])
  expect(problem).toBe('here: ended before they were looked into')
})
