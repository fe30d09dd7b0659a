import { expect, test } from 'vitest'
import type { KubeApi, KubeObject } from '../../src/kube/api.ts'
import { freeNodesOfTaint } from '../../src/operations/cilium-taints.ts'
import { ToyClock } from '../engine/toy/clock.ts'
import { noting } from './fake-guards.ts'

const key = 'node.cilium.io/agent-not-ready'
const aNode = (name: string, taints?: object[]): KubeObject => ({
  ...{ apiVersion: 'v1', kind: 'Node', metadata: { name } },
  spec: taints === undefined ? {} : { taints },
})

test("the operator's taint goes once the operator is gone, and would put it back no more; others stay", async () => {
  const theirs = { key: 'dedicated', value: 'db', effect: 'NoSchedule' }
  const atBoot = { key, value: 'true', effect: 'NoExecute' }
  const nodes = [
    aNode('s1', [theirs, { key, value: 'true', effect: 'NoSchedule' }]),
    aNode('s2', [atBoot]),
    aNode('s3'),
  ]
  const said: unknown[] = []
  let operatorPods = 2
  const kube = {
    async delete(kind, name) {
      said.push(`delete ${kind.kind} ${name}`)
    },
    async list({ kind }) {
      if (kind === 'Node') return nodes
      return Array.from({ length: operatorPods-- }, () => aNode('cilium-operator'))
    },
    async patch(_kind, name, _namespace, patch) {
      said.push({ name, patch, operatorPods: operatorPods + 1 })
      return aNode(name)
    },
  } satisfies Partial<KubeApi>
  await freeNodesOfTaint({ kube: kube as unknown as KubeApi, clock: new ToyClock() }, noting(new Map()))
  expect(said).toEqual([
    'delete Deployment cilium-operator',
    { name: 's1', patch: { spec: { taints: [theirs] } }, operatorPods: 0 },
  ])
})
