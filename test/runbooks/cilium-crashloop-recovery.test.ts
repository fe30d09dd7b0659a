import { expect, test } from 'vitest'
import { ciliumCrashloopRecovery } from '../../runbooks/cilium-crashloop-recovery.ts'
import { isInTheWay } from '../../src/engine/model.ts'
import { plan } from '../../src/engine/planner.ts'
import type { Facts } from '../../src/facts/facts.ts'
import { planText } from '../../src/report/plan-text.ts'
import { someFacts, someInventory } from '../operations/some-facts.ts'

const meta = { id: 'p', createdAt: '2026-11-22T10:00:00Z', toolVersion: '0', cluster: 'lab', inventoryDigest: 'd' }
const runbook = ciliumCrashloopRecovery(someInventory)
const planned = (facts: Facts) => plan(runbook, {}, facts, meta)
const changesOf = (facts: Facts) =>
  planned(facts)
    .steps.filter(({ kind, tasks, unread = [] }) => kind === 'change' && tasks.length + unread.length > 0)
    .map(({ stepId }) => stepId)

/** Flannel made every pod that runs. */
function onFlannel(): Facts {
  const facts = someFacts()
  for (const { cni, sandboxes } of Object.values(facts.nodes))
    for (const { id } of sandboxes ?? []) {
      const path = `/var/lib/cni/results/cbr0-${id}-eth0`
      cni.files[path] = { path, type: 'file', sizeBytes: 900, mode: 0o600, text: null, sha256: null }
    }
  return facts
}

/** Two of three servers are cut off, and so the API is away. */
function incident(): Facts {
  const facts = onFlannel()
  const { kube } = facts
  delete facts.nodes.s1
  delete facts.nodes.s2
  const silent = { s1: 's1: no answer in 10 s', s2: 's2: no answer in 10 s' }
  return { ...facts, silent, kube: { ...kube, reachable: false, error: 'no server answers', nodes: [], pods: [] } }
}

test('two of three servers silent: the agents first, then whoever answers, and nothing stands in the way', () => {
  const { steps, findings } = planned(incident())
  expect(findings.filter(isInTheWay)).toEqual([])
  expect(changesOf(incident())).toEqual([
    ...['cilium-agents', 'backup', 'etcd-snapshot', 'quiet', 'cilium-release', 'former-guards', 'cilium-leftovers'],
    ...['pods', 'unquiet'],
  ])
  const ids = steps.map(({ stepId }) => stepId)
  expect(ids.slice(0, 4)).toEqual(['lifeboat-answers', 'cilium-agents', 'nodes-back', 'control-plane-back'])
  for (const id of ['backup', 'former-guards', 'cilium-leftovers', 'pods'])
    expect(steps.find(({ stepId }) => stepId === id)).toMatchObject({
      targets: ['s1', 's2', 's3', 'a1'],
      unread: expect.arrayContaining(['s1', 's2']),
    })
  expect(steps.find(({ stepId }) => stepId === 'cilium-leftovers')?.guard?.targets).toEqual(['s1', 's2', 's3', 'a1'])
  expect(steps.find(({ stepId }) => stepId === 'cilium-agents')?.undo).toHaveProperty('impossible')
})

test('the plan can be read: who is silent and why, what is looked at then, and how long is waited', () => {
  const text = planText(planned(incident()), { colour: false, width: 400, maxDiffLines: 5 })
  expect(text).toContain('s1: every node answers. it is silent (s1: no answer in 10 s). Nothing is known of it')
  expect(text).toContain('its power switch does: switch it off and on')
  expect(text).toMatch(
    /cilium-leftovers +Remove Cilium's links, rules, programs and files +s1\? s2\? s3\? a1\? +together/,
  )
  expect(text).toContain(
    's1, s2, s3, a1: silent or still changing when this was planned; looked at before the step, and brought to the same',
  )
  expect(text).toContain('asking every 2 s for at most 60 min')
})

test('flannel switched off: K3s is stopped everywhere and started with flannel again', () => {
  const facts = incident()
  const k3s = facts.nodes.s3?.k3s
  if (!k3s) throw new Error('fixture')
  k3s.flags['flannel-backend'] = { value: 'none', from: '/etc/rancher/k3s/config.yaml' }
  k3s.files['/etc/rancher/k3s/config.yaml'] = {
    sha256: 'c'.repeat(64),
    mode: 0o600,
    uid: 0,
    gid: 0,
    text: 'flannel-backend: none\n',
  }
  const steps = changesOf(facts)
  expect(steps.slice(steps.indexOf('former-guards'))).toEqual([
    ...['former-guards', 'stop-agents', 'stop-servers', 'flags', 'cilium-leftovers'],
    ...['start-servers', 'start-agents', 'pods', 'unquiet'],
  ])
  expect(planned(facts).steps.find(({ stepId }) => stepId === 'stop-servers')).toMatchObject({
    targets: ['s1', 's2', 's3'],
    unread: ['s1', 's2'],
  })
})

test('without the lifeboat there is nothing to begin from', () => {
  const facts = incident()
  const silent = { ...facts.silent, s3: 's3: no answer in 10 s' }
  delete facts.nodes.s3
  expect(planned({ ...facts, silent }).findings.filter(isInTheWay)).toMatchObject([
    { target: 's3', fix: expect.stringContaining('lifeboat in the inventory') },
  ])
})

test('a Cilium that is well is not taken away in haste', () => {
  const facts = onFlannel()
  facts.kube.cilium.daemonSet = { desired: 4, ready: 4, updated: 4, generation: 1, observed: 1 }
  expect(planned(facts).findings.filter(isInTheWay)).toMatchObject([
    { fix: expect.stringContaining('cilium-to-flannel') },
  ])
  facts.kube.cilium.daemonSet.ready = 3
  expect(planned(facts).findings.filter(isInTheWay)).toEqual([])
})

test('where flannel runs and nothing of Cilium is left there is nothing to do', () => {
  expect(planned(onFlannel()).steps).toEqual([])
})
