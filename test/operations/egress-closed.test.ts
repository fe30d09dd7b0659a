import { expect, test } from 'vitest'
import type { Facts } from '../../src/facts/facts.ts'
import { egressFromFlannelClosed } from '../../src/operations/egress-closed.ts'
import { purgeOf } from '../../src/operations/netfilter-purged.ts'
import { podCidr, someFacts } from './some-facts.ts'

/** The same with a policy that selects every pod of a namespace. */
function withPolicy(namespace: string, types: ('Ingress' | 'Egress')[], egress: object[] = []): Facts {
  const facts = someFacts()
  const spec = { podSelector: { matchLabels: {}, matchExpressions: [] }, policyTypes: types, ingress: [], egress }
  const policies = [{ namespace, name: 'deny', spec }] as unknown as Facts['kube']['policies']
  return { ...facts, kube: { ...facts.kube, policies } }
}

const pod = someFacts().kube.pods.find(({ node, hostNetwork }) => node === 's1' && !hostNetwork)
if (!pod) throw new Error('there is no pod on s1')

test('pods whose egress is restricted are kept from those that have moved', () => {
  const facts = withPolicy(pod.namespace, ['Egress'])
  const change = egressFromFlannelClosed.diff(facts, 's1', { podCidr })
  if (!change) throw new Error('no change')
  expect(change.sources).toContain(pod.ip)
  const after = egressFromFlannelClosed.predict(facts, 's1', change)
  expect(egressFromFlannelClosed.diff(after, 's1', { podCidr })).toBeNull()
  const node = after.nodes.s1
  expect(node && purgeOf(node, 'cni-migrate')).not.toBeNull()
})

test.each([['Ingress'], []] as ('Ingress' | 'Egress')[][])('others are not: %s', (...types) => {
  expect(egressFromFlannelClosed.diff(withPolicy(pod.namespace, types), 's1', { podCidr })).toBeNull()
})

test('nor are those that a policy lets out to everybody', () => {
  const open = withPolicy(pod.namespace, ['Egress'], [{ to: [], ports: [] }])
  expect(egressFromFlannelClosed.diff(open, 's1', { podCidr })).toBeNull()
})
