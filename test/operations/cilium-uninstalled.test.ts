import { expect, test } from 'vitest'
import { CLUSTER } from '../../src/engine/model.ts'
import { ciliumUninstalled } from '../../src/operations/cilium-uninstalled.ts'
import { someFacts } from './some-facts.ts'

const withKinds = (kinds: string[]) => {
  const facts = someFacts()
  return { ...facts, kube: { ...facts.kube, cilium: { ...facts.kube.cilium, chart: null, kinds } } }
}

test('its own kinds are left of a release that is gone: they go too, and nothing else', () => {
  const facts = withKinds(['ciliumnetworkpolicies.cilium.io', 'ciliumnodes.cilium.io'])
  const change = ciliumUninstalled.diff(facts, CLUSTER, undefined)
  if (change === null) throw new Error('nothing is to be done')
  expect(change.release).toBeNull()
  const after = ciliumUninstalled.predict(facts, CLUSTER, change)
  expect(after.kube.cilium.kinds).toEqual(['ciliumnetworkpolicies.cilium.io'])
  expect(ciliumUninstalled.diff(after, CLUSTER, undefined)).toBeNull()
})

test('kinds that people write do not make it a Cilium that is to be uninstalled', () => {
  expect(ciliumUninstalled.diff(withKinds(['ciliumnetworkpolicies.cilium.io']), CLUSTER, undefined)).toBeNull()
})
