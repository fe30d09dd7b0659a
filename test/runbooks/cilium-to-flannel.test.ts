import { expect, test } from 'vitest'
import { ciliumToFlannel } from '../../runbooks/cilium-to-flannel.ts'
import { isInTheWay } from '../../src/engine/model.ts'
import { plan } from '../../src/engine/planner.ts'
import type { Facts } from '../../src/facts/facts.ts'
import { someFacts, someInventory } from '../operations/some-facts.ts'

const meta = { id: 'p', createdAt: '2026-11-22T10:00:00Z', toolVersion: '0', cluster: 'lab', inventoryDigest: 'd' }
const planned = (facts: Facts) => plan(ciliumToFlannel(someInventory), {}, facts, meta)
const config = '/etc/rancher/k3s/config.yaml'
const off = ['flannel-backend: none', 'disable-network-policy: true', 'disable-kube-proxy: true']

/** Cilium by a HelmChart of somebody's, in K3s' own range, instead of flannel, kube-router and kube-proxy. */
function onCilium(): Facts {
  const facts = someFacts()
  for (const node of Object.values(facts.nodes)) {
    node.k3s.cni = { confDir: '/etc/cni/net.d', binDir: '/opt/cni/bin' }
    node.network.links = node.network.links
      .filter(({ name }) => name === 'eth0')
      .concat(['cilium_host', 'cilium_vxlan', 'lxc0123456789ab'].map((name) => ({ ...linkLike, name })))
    node.netfilter.ipsets = ''
    node.netfilter.rulesets['ip-nft'] =
      '*nat\n:POSTROUTING ACCEPT [0:0]\n:CILIUM_POST_nat - [0:0]\n-A POSTROUTING -m comment --comment "cilium-feeder: CILIUM_POST_nat" -j CILIUM_POST_nat\nCOMMIT\n'
    node.cni.files = {}
    if (node.unit.role === 'agent') continue
    node.k3s.files[config] = { sha256: 'c'.repeat(64), mode: 0o600, uid: 0, gid: 0, text: `${off.join('\n')}\n` }
    for (const line of off) {
      const [key = '', value = ''] = line.split(': ')
      node.k3s.flags[key] = { value, from: config }
    }
  }
  for (const node of facts.kube.nodes)
    node.annotations['k3s.io/node-args'] = JSON.stringify(['server', ...off.flatMap((line) => `--${line}`.split(': '))])
  facts.kube.cilium.chart = { by: 'helm-chart-object', version: '1.17.6', values: 'ipam:\n  mode: kubernetes\n' }
  return facts
}
const linkLike = { kind: '', up: true, mtu: 1500, master: null, vxlanPort: null, addresses: [] }

test('every step of the way, in its order; from the uninstallation on there is no way back', () => {
  const { steps, findings } = planned(onCilium())
  expect(findings.filter(isInTheWay)).toEqual([])
  const changes = steps.filter(({ kind, tasks }) => kind === 'change' && tasks.length > 0)
  expect(changes.map(({ stepId }) => stepId)).toEqual([
    ...['backup', 'etcd-snapshot', 'measure', 'quiet'],
    ...['cilium-uninstalled', 'stop-agents', 'stop-servers', 'flags', 'cilium-leftovers'],
    ...['start-servers', 'start-agents', 'pods', 'unquiet', 'measured'],
  ])
  const oneWay = changes.filter(({ undo }) => undo !== undefined && 'impossible' in undo)
  expect(oneWay.map(({ stepId }) => stepId)).toEqual(['cilium-uninstalled'])
  expect(changes.find(({ stepId }) => stepId === 'cilium-leftovers')?.guard?.targets).toEqual(['s1', 's2', 's3', 'a1'])
  expect(findings.map(({ title }) => title)).toContain('Cilium can be uninstalled')
})

test('pods with addresses of K3s’ own range are told by whose plugin made them, and recreated all the same', () => {
  const pods = planned(onCilium()).steps.find(({ stepId }) => stepId === 'pods')
  expect(pods?.tasks.map(({ rendering }) => rendering.notes)).toEqual([0, 1, 2, 3].map((n) => [`shop/web-${n}`]))
})

test('only flags that are off are turned, where they stand; another backend of flannel is left alone', () => {
  const facts = onCilium()
  const flagsOf = (server: string) =>
    planned(facts)
      .steps.find(({ stepId }) => stepId === 'flags')
      ?.tasks.find(({ target }) => target === server)?.rendering.diffs?.[0]
  expect(flagsOf('s1')).toMatchObject({
    subject: config,
    after: 'flannel-backend: vxlan\ndisable-network-policy: false\ndisable-kube-proxy: false\n',
  })
  for (const name of ['s1', 's2', 's3']) {
    const k3s = facts.nodes[name]?.k3s
    const file = k3s?.files[config]
    if (!k3s || !file) throw new Error('fixture')
    file.text = 'flannel-backend: wireguard-native\ndisable-network-policy: true\n'
    k3s.flags['flannel-backend'] = { value: 'wireguard-native', from: config }
    k3s.flags['disable-kube-proxy'] = { value: 'false', from: 'default' }
  }
  expect(flagsOf('s1')?.after).toBe('flannel-backend: wireguard-native\ndisable-network-policy: false\n')
})

test('a Cilium that nobody can uninstall the way it came: refused, with what to do instead', () => {
  const facts = onCilium()
  facts.kube.cilium.chart = null
  facts.kube.cilium.daemonSet = { desired: 4, ready: 4, updated: 4, generation: 1, observed: 1 }
  expect(planned(facts).findings.filter(isInTheWay)).toMatchObject([
    { detail: expect.stringMatching(/neither a HelmChart object nor a release/), fix: expect.stringMatching(/plan/) },
  ])
})

test('one that helm brought, where the inventory says otherwise: refused', () => {
  const facts = onCilium()
  facts.kube.cilium.chart = { by: 'helm', version: '1.17.6', values: '{}' }
  expect(planned(facts).findings.filter(isInTheWay)[0]).toMatchObject({
    detail: 'it is installed by helm, the inventory says helm-chart-object',
  })
})

test('where flannel runs and nothing of Cilium is left there is nothing to do', () => {
  const facts = someFacts()
  for (const { cni, sandboxes } of Object.values(facts.nodes))
    for (const { id } of sandboxes ?? []) {
      const path = `/var/lib/cni/results/cbr0-${id}-eth0`
      cni.files[path] = { path, type: 'file', sizeBytes: 900, mode: 0o600, text: null, sha256: null }
    }
  expect(planned(facts).steps).toEqual([])
})
