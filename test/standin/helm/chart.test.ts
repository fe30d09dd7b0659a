import { expect, test } from 'vitest'
import { renderChart } from '../../../src/lab/standin/helm/chart.ts'
import { parseValues } from '../../../src/lab/standin/helm/values.ts'

test('podAnnotations stand on the agents and roll them; the operator is not touched', () => {
  const template = (stage: string, name: string) =>
    renderChart(parseValues({ podAnnotations: { stage } }), { namespace: 'kube-system', version: '1.17.6' }).find(
      (object) => object.metadata.name === name && object.spec?.template !== undefined,
    )?.spec.template
  expect(template('a', 'cilium').metadata.annotations).toEqual({ stage: 'a' })
  expect(template('b', 'cilium')).not.toEqual(template('a', 'cilium'))
  expect(template('b', 'cilium-operator')).toEqual(template('a', 'cilium-operator'))
})
