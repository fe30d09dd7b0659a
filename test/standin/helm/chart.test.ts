import { expect, test } from 'vitest'
import { renderChart } from '../../../src/lab/standin/helm/chart.ts'
import { parseValues } from '../../../src/lab/standin/helm/values.ts'

const template = (name: string, values: Record<string, unknown>, version = '1.17.6') =>
  renderChart(parseValues(values), { namespace: 'kube-system', version }).find(
    (object) => object.metadata.name === name && object.spec?.template !== undefined,
  )?.spec.template

test('podAnnotations stand on the agents and roll them; the operator is not touched', () => {
  const at = (stage: string, name: string) => template(name, { podAnnotations: { stage } })
  expect(at('a', 'cilium').metadata.annotations).toEqual({ stage: 'a' })
  expect(at('b', 'cilium')).not.toEqual(at('a', 'cilium'))
  expect(at('b', 'cilium-operator')).toEqual(at('a', 'cilium-operator'))
})

test('nodeSelector and affinity are laid over what the chart has, each for its own pods', () => {
  const { spec } = template('cilium', { nodeSelector: { stage: 'b' }, affinity: { nodeAffinity: { a: 1 } } })
  expect(spec.nodeSelector).toEqual({ 'kubernetes.io/os': 'linux', stage: 'b' })
  expect(Object.keys(spec.affinity)).toEqual(['podAntiAffinity', 'nodeAffinity'])
  const without = template('cilium', { nodeSelector: { 'kubernetes.io/os': null, stage: 'b' } })
  expect(without.spec.nodeSelector).toEqual({ stage: 'b' })
  const operator = template('cilium-operator', { nodeSelector: { stage: 'b' }, operator: { nodeSelector: { o: '1' } } })
  expect(operator.spec.nodeSelector).toEqual({ 'kubernetes.io/os': 'linux', o: '1' })
  const envoy = template('cilium-envoy', { nodeSelector: { stage: 'b' } })
  expect(envoy.spec.nodeSelector).toEqual({ 'kubernetes.io/os': 'linux' })
  expect(Object.keys(envoy.spec.affinity)).toEqual(['podAntiAffinity', 'podAffinity', 'nodeAffinity'])
})

test('the operator tolerates everything before 1.18, and no cordon from then on', () => {
  const keys = (version: string, operator = {}) =>
    template('cilium-operator', { operator }, version).spec.tolerations.map(({ key }: { key?: string }) => key)
  expect(keys('1.17.6')).toEqual([undefined])
  expect(keys('1.18.6')).toEqual([
    'node-role.kubernetes.io/control-plane',
    'node-role.kubernetes.io/master',
    'node.kubernetes.io/not-ready',
    'node.cloudprovider.kubernetes.io/uninitialized',
    'node.cilium.io/agent-not-ready',
  ])
  expect(keys('1.18.6', { tolerations: [{ operator: 'Exists' }] })).toEqual([undefined])
})
