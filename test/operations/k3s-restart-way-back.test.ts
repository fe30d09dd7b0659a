import { expect, test } from 'vitest'
import { k3sRestartWayBack } from '../../src/operations/k3s-restart-way-back.ts'
import { NodesApi } from './nodes-api.ts'

test('nothing going forward; what is remembered is how K3s ran', () => {
  const { facts } = new NodesApi()
  const { s2 } = facts.nodes
  if (!s2) throw new Error('no node s2')
  expect(k3sRestartWayBack.diff(facts, 's2', undefined)).toEqual({ remember: { flannel: true } })
  s2.k3s.cni.confDir = '/etc/cni/net.d'
  expect(k3sRestartWayBack.diff(facts, 's2', undefined)).toEqual({ remember: { flannel: false } })
  expect(k3sRestartWayBack.predict(facts, 's2', { remember: { flannel: false } })).toBe(facts)
})
