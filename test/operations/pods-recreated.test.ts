import { expect, it } from 'vitest'
import { missingOfPods, podsRecreated, sandboxesToMove } from '../../src/operations/pods-recreated.ts'
import { podCidr, someFacts } from './some-facts.ts'

/** The same facts with the pod of a node on Cilium's network. */
function moved(node: string) {
  const facts = someFacts()
  const index = Object.keys(facts.nodes).indexOf(node)
  const ip = `10.52.${index}.9`
  for (const sandbox of facts.nodes[node]?.sandboxes ?? []) if (sandbox.netns) sandbox.ip = ip
  for (const pod of facts.kube.pods) if (pod.node === node) pod.ip = ip
  return { facts, ip }
}

it('moves only pods that are on the pod network, and not twice', () => {
  const change = podsRecreated.diff(someFacts(), 's2', { podCidr })
  expect(change?.sandboxes).toEqual([{ id: '1a', pod: 'shop/web-1' }])
  expect(change?.ready).toEqual(['shop/web-1'])
  expect(podsRecreated.diff(moved('s2').facts, 's2', { podCidr })).toBeNull()
})

it('puts DNS first', () => {
  const facts = someFacts()
  facts.nodes.s1?.sandboxes?.push({
    id: 'dns',
    namespace: 'kube-system',
    name: 'coredns-1',
    uid: 'u',
    ready: true,
    createdMs: 1,
    netns: '/n',
    ip: '10.42.0.9',
  })
  facts.kube.pods.push({
    ...facts.kube.pods[0],
    namespace: 'kube-system',
    name: 'coredns-1',
    node: 's1',
    labels: { 'k8s-app': 'kube-dns' },
  } as (typeof facts.kube.pods)[0])
  expect(podsRecreated.diff(facts, 's1', { podCidr })?.sandboxes.map((one) => one.id)).toEqual(['dns', '0a'])
})

it('is not content with an address: the endpoint must be there, with the same address', () => {
  const { facts, ip } = moved('s1')
  expect(missingOfPods(facts, 's1', 'cilium', podCidr, [])).toContain('no CiliumEndpoint')
  facts.kube.cilium.endpoints.push({ namespace: 'shop', name: 'web-0', ip: '10.52.0.77', state: 'ready' })
  expect(missingOfPods(facts, 's1', 'cilium', podCidr, [])).toContain('no CiliumEndpoint')
  facts.kube.cilium.endpoints.push({ namespace: 'shop', name: 'web-0', ip, state: 'ready' })
  expect(missingOfPods(facts, 's1', 'cilium', podCidr, [])).toBeNull()
})

it('waits for a pod that was ready before, not for one that was broken', () => {
  const { facts, ip } = moved('s1')
  facts.kube.cilium.endpoints.push({ namespace: 'shop', name: 'web-0', ip, state: 'ready' })
  for (const pod of facts.kube.pods) pod.ready = false
  expect(missingOfPods(facts, 's1', 'cilium', podCidr, [])).toBeNull()
  expect(missingOfPods(facts, 's1', 'cilium', podCidr, ['shop/web-0'])).toContain('0 of 1 pods are ready')
})

it('does not take a containerd that does not answer for a node without pods', () => {
  const facts = someFacts()
  if (facts.nodes.s1) facts.nodes.s1.sandboxes = null
  expect(podsRecreated.diff(facts, 's1', { podCidr })).toMatchObject({ sandboxes: [] })
})

it('on the way back recreates what Cilium carries, and pods of flannel whose lease is gone', () => {
  const ids = (facts: ReturnType<typeof someFacts>, node: string) =>
    sandboxesToMove(facts, node, 'other', podCidr).map(({ id }) => id)
  expect(ids(moved('s2').facts, 's2')).toEqual(['1a'])
  const facts = someFacts()
  expect(ids(facts, 's1')).toEqual(['0a'])
  const path = '/var/lib/cni/networks/cbr0/10.42.0.5'
  const lease = { path, type: 'file' as const, sizeBytes: 70, mode: 0o644, text: null, sha256: null }
  if (facts.nodes.s1) facts.nodes.s1.cni.files[path] = lease
  expect(ids(facts, 's1')).toEqual([])
})

it('a pod whose sandbox was stopped a moment ago is waited for, whatever the API still says', () => {
  const facts = someFacts()
  expect(missingOfPods(facts, 's1', 'other', podCidr, ['shop/web-0'])).toBeNull()
  for (const sandbox of facts.nodes.s1?.sandboxes ?? []) sandbox.ready = false
  expect(missingOfPods(facts, 's1', 'other', podCidr, ['shop/web-0'])).toContain('0 of 1 pods are ready')
})
