import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import type { Lab } from '../../src/lab/lab.ts'
import { settledState } from './support/cluster-state.ts'
import { quietLab, takeDown } from './support/fresh-lab.ts'
import { onNode, serverOf } from './support/lab-access.ts'
import { migrateUntil, mustMigrate } from './support/migrate.ts'

// Node by node, on the smallest cluster that has every sort of wave; somebody drains a node in between, as the plan invites to.
const name = 'drained'
const live = ['--runbook', 'k3s-flannel-to-cilium-live', '--policies', 'open']
let lab: Lab

beforeAll(async () => {
  lab = await quietLab({ name, servers: 1, agents: 2 })
  await settledState(lab)
})
afterAll(() => takeDown(name))

const podList = z.object({
  items: z.array(
    z.looseObject({
      metadata: z.looseObject({
        namespace: z.string(),
        name: z.string(),
        ownerReferences: z.array(z.looseObject({ kind: z.string() })).default([]),
      }),
      spec: z.looseObject({ nodeName: z.string().optional() }),
    }),
  ),
})

async function podsOn(node: string): Promise<z.infer<typeof podList>['items']> {
  const { items } = podList.parse(JSON.parse(await onNode(lab, serverOf(lab), 'k3s kubectl get pods -A -o json')))
  return items.filter(({ spec }) => spec.nodeName === node)
}

/** What `kubectl drain --ignore-daemonsets` does with the pods of ReplicaSets; the stand-in of kubectl cannot. */
async function drain(node: string): Promise<string[]> {
  const isMovable = ({ metadata }: { metadata: { ownerReferences: { kind: string }[] } }) =>
    metadata.ownerReferences.some(({ kind }) => kind === 'ReplicaSet')
  const evicted = (await podsOn(node)).filter(isMovable).map(({ metadata }) => metadata)
  const admin = '/var/lib/rancher/k3s/server/tls/client-admin'
  const calls = evicted.map(({ namespace, name: pod }) => {
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod, namespace } }
    return `curl -sfk --cert ${admin}.crt --key ${admin}.key -H 'Content-Type: application/json' -d '${JSON.stringify(body)}' https://127.0.0.1:6443/api/v1/namespaces/${namespace}/pods/${pod}/eviction`
  })
  await onNode(lab, serverOf(lab), `set -e\n${calls.join('\n')}`)
  const gone = new Set(evicted.map(({ name: pod }) => pod))
  await expect
    .poll(async () => (await podsOn(node)).filter(({ metadata }) => gone.has(metadata.name)), { timeout: 120_000 })
    .toEqual([])
  return [...gone]
}

test('a node that is drained by hand before its pods are moved is moved with those that stay', async () => {
  await migrateUntil(lab, 'step.afterCheckpoint:on-cilium-1', 'run', ...live, '--yes')
  expect((await drain('a1')).length).toBeGreaterThan(0)
  expect((await podsOn('a1')).length).toBeGreaterThan(0)
  expect(await mustMigrate(lab, 'resume', '--yes')).toMatch(/a pod is gone/)
  expect(await mustMigrate(lab, 'plan', ...live)).toMatch(/Nothing to do/)
})
