import { expect, test } from 'vitest'
import type { Facts } from '../../src/facts/facts.ts'
import { podsOnNetwork } from '../../src/facts/pods-on-network.ts'

const sandbox = (name: string, ip: string | null, over: object = {}) => ({
  id: `id-${name}`,
  namespace: 'data',
  name,
  uid: name,
  ready: true,
  createdMs: 0,
  netns: '/var/run/netns/cni-1',
  ip,
  ...over,
})
const facts = (sandboxes: object[] | null, endpoints: object[] = [], podCidrs = ['10.52.1.0/24']) =>
  ({
    nodes: { n1: { sandboxes } },
    kube: {
      nodes: [{ name: 'n1', podCidr: '10.42.1.0/24' }],
      cilium: { nodes: [{ name: 'n1', podCidrs }], endpoints },
    },
  }) as unknown as Facts
const networks = (given: Facts) => podsOnNetwork(given, 'n1')?.map((pod) => [pod.name, pod.network, pod.endpoint])

test('each pod by the address its sandbox was made with; the host network`s are left out', () => {
  const given = facts(
    [
      sandbox('old', '10.42.1.5'),
      sandbox('new', '10.52.1.7'),
      sandbox('alien', '192.0.2.1'),
      sandbox('silent', null),
      sandbox('host', null, { netns: null }),
      sandbox('ended', '10.42.1.6', { ready: false }),
    ],
    [{ namespace: 'data', name: 'new', ip: '10.52.1.7', state: 'ready' }],
  )
  expect(networks(given)).toEqual([
    ['old', 'flannel', false],
    ['new', 'cilium', true],
    ['alien', 'unknown', false],
    ['silent', 'unknown', false],
  ])
})

test('an endpoint of the same name with another address is no proof', () => {
  const stale = [{ namespace: 'data', name: 'new', ip: '10.52.1.8', state: 'ready' }]
  expect(networks(facts([sandbox('new', '10.52.1.7')], stale))).toEqual([['new', 'cilium', false]])
})

test('nothing is said while containerd is silent; no Cilium yet means nobody is on it', () => {
  expect(podsOnNetwork(facts(null), 'n1')).toBeNull()
  expect(networks(facts([sandbox('old', '10.42.1.5')], [], []))).toEqual([['old', 'flannel', false]])
})
