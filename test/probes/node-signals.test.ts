import { expect, test } from 'vitest'
import type { KubeFacts } from '../../src/facts/kube.ts'
import { UnreachableError } from '../../src/nodes/errors.ts'
import type { Command, Node, Outcome } from '../../src/nodes/node.ts'
import { watchSignals } from '../../src/probes/node-signals.ts'
import { fixture } from '../netfilter/fixtures.ts'

const startMs = 1_795_245_158_000
/** The node's clock is a minute behind. */
const behindMs = 60_000

const base64 = (text: string) => Buffer.from(text).toString('base64')
const framed = (sections: Record<string, string>) =>
  Object.entries(sections)
    .map(([name, text]) => `@@ ${name}\n${base64(text)}\n@= 0\n@.\n`)
    .join('')
    .concat('@end\n')

const metrics = (atMs: number, fast: number, slow: number, pending: number) =>
  [
    `at ${atMs}`,
    'mode iptables',
    `kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family="IPv4",le="1"} ${fast}`,
    `kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family="IPv4",le="8"} ${fast + slow}`,
    `kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family="IPv4",le="+Inf"} ${fast + slow}`,
    `kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family="IPv4"} ${(atMs - 70_000) / 1000}`,
    `kubeproxy_sync_proxy_rules_endpoint_changes_pending{ip_family="IPv4"} ${pending}`,
    '',
  ].join('\n')

const pods = [
  { name: 'cilium-x', node: 'n1', phase: 'Running', labels: { 'k8s-app': 'cilium' }, restarts: 3, ip: '10.0.0.1' },
  { name: 'cilium-y', node: 'n2', phase: 'Running', labels: { 'k8s-app': 'cilium' }, restarts: 9, ip: '10.0.0.2' },
  { name: 'stuck', node: 'n1', phase: 'Pending', labels: {}, restarts: 0, ip: null, waiting: 'ContainerCreating' },
  { name: 'pulling', node: 'n1', phase: 'Pending', labels: {}, restarts: 0, ip: null, waiting: 'ImagePullBackOff: x' },
].map((pod) => ({
  namespace: 'kube-system',
  uid: `uid-of-${pod.name}`,
  startedMs: startMs - 300_000,
  waiting: null,
  ...pod,
}))

function scene(answer: (kind: string, nowMs: number, command: Command) => string | Error | number) {
  let nowMs = startMs
  const commands: Command[] = []
  const node: Node = {
    name: 'n1',
    connect: () => Promise.reject(new Error('not used')),
    reconnect: () => Promise.reject(new Error('not used')),
    async run(command): Promise<Outcome> {
      commands.push(command)
      const kind = String(command.stdin).split('\n')[0] ?? ''
      const said = answer(kind.replace('# ', ''), nowMs, command)
      if (said instanceof Error) throw said
      if (typeof said === 'number')
        return { kind: 'exited', code: said, stdout: `at ${nowMs - behindMs}\n`, stderr: 'refused', durationMs: 1 }
      return { kind: 'exited', code: 0, stdout: said, stderr: '', durationMs: 1 }
    },
  }
  const clock = {
    nowMs: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms
    },
  }
  const options = {
    clock,
    durationMs: 60_000,
    address: '10.0.0.1',
    pods: async () => pods as unknown as KubeFacts['pods'],
  }
  return { node, options, commands }
}

const stripped = fixture('k3s-1.21.3-hostport.nft.rules').replace(
  /-A KUBE-FIREWALL .*-j DROP/,
  '-A KUBE-FIREWALL -j DROP',
)
const facts = (nowMs: number) =>
  framed({
    begin: `${nowMs}000000\n`,
    'netfilter.ip-nft': stripped,
    'netfilter.version': 'iptables v1.8.9 (nf_tables)\n',
    end: `${nowMs}000000\n`,
  })
const atEnd = {
  'signals.lock-journal': '4\nAnother app is currently holding the xtables lock\n',
  'signals.lock-containers': [
    `${new Date(startMs - behindMs + 5_000).toISOString()} stderr F xtables lock held`,
    `${new Date(startMs - behindMs - 5_000).toISOString()} stderr F xtables lock held before`,
    'broken xtables lock',
  ].join('\n'),
  'signals.iptables-host': 'iptables v1.8.9 (nf_tables)\n',
  'signals.iptables-k3s': 'iptables v1.8.8 (legacy)\n',
  'signals.iptables-containers': 'uid-of-cilium-x 1.8.10 xtables-legacy-multi\nother - iptables-wrapper\n',
  'signals.conntrack': '349\n131072\n',
}

test('all of it, of the time watched', async () => {
  let reading = 0
  const { node, options, commands } = scene((kind, nowMs) => {
    // 100 syncs before, which do not count; then 49 fast ones and one of 1 to 8 s.
    if (kind === 'kube-proxy-metrics')
      return metrics(nowMs - behindMs, 100 + 7 * reading++, reading > 3 ? 1 : 0, reading)
    return kind === 'facts' ? facts(nowMs) : framed(atEnd)
  })
  const found = await watchSignals(node, options)
  expect(found.problems).toEqual([])
  expect(found.kubeProxy).toMatchObject({ mode: 'iptables', syncs: 43, lastSyncAgeMs: 70_000 })
  expect(found.kubeProxy?.syncP99Ms).toBeCloseTo(1000 + 7000 * (0.99 * 43 - 42), 0)
  expect(found.kubeProxy?.pendingChanges).toEqual(
    [0, 1, 2, 3, 4, 5, 6].map((index) => [startMs + index * 10_000, index + 1]),
  )
  expect(found.xtablesLock).toEqual({
    messages: 5,
    perMinute: 5,
    examples: ['Another app is currently holding the xtables lock', 'xtables lock held'],
  })
  expect(found.iptables).toEqual([
    { where: 'host', version: '1.8.9', backend: 'nft' },
    { where: 'bundled with K3s', version: '1.8.8', backend: 'legacy' },
    { where: 'kube-system/cilium-x', version: '1.8.10', backend: 'legacy' },
    { where: 'a container of pod other', version: 'unknown', backend: null },
  ])
  expect(found.malformedRules).toEqual(['-A KUBE-FIREWALL -j DROP'])
  expect(found.ruleCounts['ip-nft filter']).toBeGreaterThan(10)
  expect(found.conntrack).toEqual({ count: 349, max: 131_072 })
  expect(found.cniRestarts).toMatchObject([{ pod: 'kube-system/cilium-x', restarts: 3 }])
  expect(found.stuckSandboxes).toEqual([{ pod: 'kube-system/stuck', waitingMs: 360_000, reason: 'ContainerCreating' }])
  expect(commands.every((command) => command.mode === 'read')).toBe(true)
  // Since when, by the node's clock.
  const signals = commands.find((command) => String(command.stdin).startsWith('# node-signals'))
  expect(signals?.argv.at(-1)).toBe(String((startMs - behindMs) / 1000))
})

test('without metrics and without a journal: null, and why', async () => {
  const { node, options } = scene((kind, nowMs) => {
    if (kind === 'kube-proxy-metrics') return 7
    return kind === 'facts' ? facts(nowMs) : framed({ 'signals.conntrack': '1\n2\n' })
  })
  const found = await watchSignals(node, options)
  expect(found).toMatchObject({ kubeProxy: null, xtablesLock: null, iptables: [] })
  expect(found.problems).toEqual(['n1: kube-proxy has no metrics on 127.0.0.1:10249', 'n1: its journal cannot be read'])
})

test('a node that cannot be reached', async () => {
  const { node, options } = scene(() => new UnreachableError('n1: no route'))
  const found = await watchSignals(node, options)
  expect(found).toMatchObject({ kubeProxy: null, xtablesLock: null, conntrack: null, ruleCounts: {} })
  expect(found.problems).toEqual(['n1: no route'])
})
