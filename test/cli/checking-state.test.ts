import { expect, test } from 'vitest'
import { checkState } from '../../src/cli/checking-state.ts'
import type { Facts } from '../../src/facts/facts.ts'
import type { KubeApi } from '../../src/kube/api.ts'
import { KubeError } from '../../src/kube/errors.ts'
import { UnreachableError } from '../../src/nodes/errors.ts'
import type { Nodes } from '../../src/nodes/node.ts'
import { someFacts, someInventory } from '../operations/some-facts.ts'

const migrated = (): Facts => {
  const facts = someFacts()
  facts.kube.cilium.chart = { by: 'helm-chart-object', version: '1.17.6', values: '' }
  for (const node of Object.values(facts.nodes)) node.k3s.flags['flannel-backend'] = { value: 'none', from: 'file' }
  return facts
}
const silent = {
  get: (name: string) => ({ name, run: () => Promise.reject(new UnreachableError(`${name}: no route to host`)) }),
} as unknown as Nodes
const noOwnPolicies = {
  list: () => Promise.reject(new KubeError(404, 'not found')),
} as unknown as KubeApi

test('of a cluster that is not migrated nothing is asked', async () => {
  expect(await checkState(someInventory, { nodes: silent, kube: noOwnPolicies }, someFacts(), null)).toEqual([])
})

test('a node that does not answer is a finding, beside those that the facts tell', async () => {
  const findings = await checkState(someInventory, { nodes: silent, kube: noOwnPolicies }, migrated(), null)
  expect(findings.filter(({ level }) => level === 'unknown')).toEqual([
    {
      level: 'unknown',
      title: 'policies, DNS, host ports and large packets were tried',
      detail: expect.stringMatching(/^that could not be done: (s1|s2|s3|a1): no route to host$/),
      fix: 'migrate verify tries them again',
    },
  ])
  const leftovers = findings.filter(({ title }) => title === 'nothing of flannel and kube-router is left')
  expect(leftovers.map(({ target, level }) => `${target} ${level}`)).toEqual([
    's1 blocks',
    's2 blocks',
    's3 blocks',
    'a1 blocks',
  ])
})

test('a fault of our own is not taken for that', async () => {
  const broken = { get: () => ({ run: () => Promise.reject(new TypeError('a bug')) }) } as unknown as Nodes
  await expect(checkState(someInventory, { nodes: broken, kube: noOwnPolicies }, migrated(), null)).rejects.toThrow(
    TypeError,
  )
})
