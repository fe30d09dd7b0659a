import { expect, test } from 'vitest'
import { formerCniAbsent } from '../../src/operations/former-cni-absent.ts'
import { NodesApi } from './nodes-api.ts'

const conf = '/var/lib/rancher/k3s/agent/etc/cni/net.d/05-cilium.conflist'
const flannels = '/var/lib/rancher/k3s/agent/etc/cni/net.d/10-flannel.conflist'

function withConf() {
  const { facts } = new NodesApi()
  const { a1 } = facts.nodes
  if (!a1) throw new Error('no node a1')
  for (const path of [conf, flannels])
    a1.cni.files[path] = { path, type: 'file', sizeBytes: 1, mode: 0o600, text: null, sha256: null }
  return { facts, a1 }
}

test('Cilium’s file goes, flannel’s stays; nothing while K3s still looks there', () => {
  const { facts, a1 } = withConf()
  expect(formerCniAbsent.diff(facts, 'a1', undefined)).toBeNull()
  a1.k3s.cni.confDir = '/etc/cni/net.d'
  const change = formerCniAbsent.diff(facts, 'a1', undefined)
  expect(change).toEqual({ paths: [conf] })
  if (change === null) return
  const { files } = formerCniAbsent.predict(facts, 'a1', change).nodes.a1?.cni ?? {}
  expect(Object.keys(files ?? {})).toEqual(expect.arrayContaining([flannels]))
  expect(Object.keys(files ?? {})).not.toContain(conf)
})
