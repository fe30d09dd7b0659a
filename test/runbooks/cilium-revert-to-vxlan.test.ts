import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { ciliumRevertToVxlan } from '../../runbooks/cilium-revert-to-vxlan.ts'
import { isInTheWay } from '../../src/engine/model.ts'
import { plan } from '../../src/engine/planner.ts'
import type { Facts } from '../../src/facts/facts.ts'
import { route, routedFacts, someValues } from '../operations/routed-facts.ts'
import { someInventory } from '../operations/some-facts.ts'

const meta = { id: 'p', createdAt: '2026-11-22T10:00:00Z', toolVersion: '0', cluster: 'lab', inventoryDigest: 'd' }
const planned = (facts: Facts) => plan(ciliumRevertToVxlan(someInventory), {}, facts, meta)
const valuesIn = (facts: Facts) => {
  const task = planned(facts).steps.find(({ stepId }) => stepId === 'strategy')?.tasks[0]
  return parse(task?.rendering.diffs?.[0]?.after ?? 'null')
}

/** A rolling change to native routing that stopped after its first node. */
function halfway(): Facts {
  const facts = routedFacts('tunnel')
  route(facts, 's1', 'native')
  facts.kube.cilium.chart = { by: 'helm-chart-object', version: '1.17.6', values: someValues('native') }
  facts.kube.cilium.config = routedFacts('native').kube.cilium.config
  facts.kube.cilium.daemonSet = {
    desired: 4,
    ready: 3,
    updated: 1,
    generation: 3,
    observed: 3,
    strategy: 'RollingUpdate',
  }
  return facts
}

const withoutKubeProxy = (facts: Facts) => {
  for (const name of ['s1', 's2', 's3']) {
    const node = facts.nodes[name]
    if (node) node.k3s.flags['disable-kube-proxy'] = { value: 'true', from: '/etc/rancher/k3s/config.yaml' }
  }
  for (const node of facts.kube.nodes)
    node.annotations['k3s.io/node-args'] = JSON.stringify(['server', '--disable-kube-proxy', 'true'])
}

test('pods that nobody reaches and nodes that are not Ready are no reason not to mend them', () => {
  const facts = halfway()
  for (const node of facts.kube.nodes) node.ready = false
  for (const pod of facts.kube.pods) pod.ready = false
  const { findings, steps } = planned(facts)
  expect(findings.filter(isInTheWay)).toEqual([])
  expect(steps.find(({ stepId }) => stepId === 'agents')?.tasks[0]?.rendering.summary).toBe(
    'end all 4 agents at once; they come back with a tunnel on UDP 8473',
  )
})

test('an API that does not answer, or a node that nobody has heard of, is', () => {
  const silent = halfway()
  for (const node of silent.kube.nodes) if (node.name === 'a1') node.heartbeatMs = null
  expect(planned(silent).findings.filter(isInTheWay)).toMatchObject([{ title: 'every node is heard of' }])
})

test('only a patched ConfigMap: release and agents are left to agree with it', () => {
  const facts = routedFacts('tunnel')
  facts.kube.cilium.config = { ...facts.kube.cilium.config, 'routing-mode': 'native' }
  expect(valuesIn(facts)).toEqual(parse(someValues('tunnel')))
  expect(planned(routedFacts('tunnel')).steps).toEqual([])
})

test('kube-proxy: replaced by Cilium exactly where K3s has none, whatever the ConfigMap was patched to', () => {
  expect(valuesIn(halfway())).toEqual(parse(someValues('tunnel')))
  const none = halfway()
  withoutKubeProxy(none)
  expect(valuesIn(none)).toMatchObject({ routingMode: 'tunnel', kubeProxyReplacement: true })
  const replaced = halfway()
  replaced.kube.cilium.chart = {
    by: 'helm-chart-object',
    version: '1.17.6',
    values: someValues('native', { kubeProxyReplacement: true }),
  }
  expect(valuesIn(replaced)).toMatchObject({ kubeProxyReplacement: false })
})
