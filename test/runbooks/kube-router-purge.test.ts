import { expect, test } from 'vitest'
import { kubeRouterPurge } from '../../runbooks/kube-router-purge.ts'
import { isInTheWay } from '../../src/engine/model.ts'
import { plan } from '../../src/engine/planner.ts'
import type { Facts } from '../../src/facts/facts.ts'
import { someFacts, someInventory } from '../operations/some-facts.ts'

const meta = { id: 'p', createdAt: '2026-11-21T10:00:00Z', toolVersion: '0', cluster: 'lab', inventoryDigest: 'd' }
const planned = (facts: Facts) => plan(kubeRouterPurge(someInventory), {}, facts, meta)

/** Switched off on every server, restarted, and its rules left as they were. */
function frozen(): Facts {
  const facts = someFacts()
  for (const { k3s } of Object.values(facts.nodes))
    k3s.flags['disable-network-policy'] = { value: 'true', from: 'config.yaml' }
  for (const node of facts.kube.nodes)
    node.annotations['k3s.io/node-args'] = JSON.stringify(['server', '--disable-network-policy', 'true'])
  return facts
}

test('frozen rules: nothing but those is changed, on every node, and all that undoing needs is saved before', () => {
  const { steps, findings } = planned(frozen())
  expect(findings.filter(isInTheWay)).toEqual([])
  const changes = steps.filter(({ kind }) => kind === 'change')
  expect(changes.map(({ stepId }) => stepId)).toEqual([
    'backup',
    'etcd-snapshot',
    'measure',
    'frozen-rules',
    'measured',
  ])
  const purge = changes.find(({ stepId }) => stepId === 'frozen-rules')
  expect(purge?.tasks.map(({ target }) => target)).toEqual(['s1', 's2', 's3', 'a1'])
  expect(purge?.undo).toEqual({ how: "puts the rules and sets back, as the run's backup has them" })
  expect(purge?.guard?.does).toMatch(/puts the tables back/)
  expect(JSON.stringify(purge?.tasks)).not.toContain('FLANNEL')
})

test('while K3s runs the controller its rules are in use: refused, with what to do instead', () => {
  const inTheWay = planned(someFacts()).findings.filter(isInTheWay)
  expect(inTheWay.map(({ target }) => target)).toEqual(['s1', 's2', 's3'])
  for (const { detail, fix } of inTheWay) {
    expect(detail).toMatch(/K3s runs its policy controller/)
    expect(fix).toMatch(/migrate plan/)
  }
})

test('a flag that is set and not in force yet: refused', () => {
  const facts = frozen()
  for (const node of facts.kube.nodes) node.annotations['k3s.io/node-args'] = JSON.stringify(['server'])
  expect(planned(facts).findings.filter(isInTheWay)[0]?.detail).toMatch(/disable-network-policy is true in config.yaml/)
})

test('a kube-router of its own: its rules are in use as well', () => {
  const facts = frozen()
  const [pod] = facts.kube.pods
  if (pod === undefined) throw new Error('fixture')
  facts.kube.pods.push({ ...pod, namespace: 'kube-system', name: 'kube-router-x7k2p' })
  expect(planned(facts).findings.filter(isInTheWay)[0]?.detail).toBe(
    'the pod kube-system/kube-router-x7k2p is a kube-router of its own',
  )
})

test('where nothing is left there is nothing to do', () => {
  const facts = frozen()
  for (const { netfilter } of Object.values(facts.nodes)) {
    netfilter.ipsets = ''
    netfilter.rulesets['ip-nft'] = '*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n'
  }
  expect(planned(facts).steps).toEqual([])
})
