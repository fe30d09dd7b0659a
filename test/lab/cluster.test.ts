import { afterAll, expect, test } from 'vitest'
import { z } from 'zod'
import { until } from '../../src/lab/host.ts'
import { type Lab, list, power, up } from '../../src/lab/lab.ts'
import { takeDown } from './support/fresh-lab.ts'

const name = 'cluster'
afterAll(() => takeDown(name))

const pods = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), namespace: z.string() }),
      spec: z.object({ nodeName: z.string() }),
      status: z.object({
        phase: z.string(),
        podIP: z.string().optional(),
        conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
        containerStatuses: z.array(z.object({ restartCount: z.number() })).default([]),
      }),
    }),
  ),
})

/** The workload's pods by name; those of the CronJob come and go. */
async function workloadPods(lab: Lab) {
  const { stdout } = await lab.exec('s1', ['k3s', 'kubectl', 'get', 'pods', '-A', '-o', 'json'])
  const found = pods.parse(JSON.parse(stdout)).items.filter((pod) => !pod.metadata.name.startsWith('report-'))
  return new Map(found.map((pod) => [`${pod.metadata.namespace}/${pod.metadata.name}`, pod]))
}

test.each([
  ['default', 'nft'],
  ['config.yaml', 'legacy'],
  ['execstart', 'nft'],
] as const)('a cluster with its settings in %s and iptables-%s comes up with its workload running', async (k3sConfig, iptables) => {
  await takeDown(name)
  const lab = await up({ name, servers: 3, agents: 1, k3sConfig, iptables })
  expect(list().find((one) => one.name === name)).toMatchObject({ complete: true })
  const running = [...(await workloadPods(lab)).values()]
  expect(running).toHaveLength(12)
  expect(running.every((pod) => pod.status.phase === 'Running')).toBe(true)
  // Every node has some, or the cluster is not worth probing.
  expect(new Set(running.map((pod) => pod.spec.nodeName)).size).toBe(4)
  const policies = await lab.exec('s1', ['k3s', 'kubectl', 'get', 'networkpolicies', '-A', '-o', 'name'])
  expect(policies.stdout.trim().split('\n')).toHaveLength(60)
  for (const node of lab.nodes) {
    const unit = node.role === 'server' ? 'k3s' : 'k3s-agent'
    expect((await lab.exec(node.name, ['systemctl', 'is-enabled', unit])).stdout).toBe('enabled\n')
  }
})

test('a server that lost its power comes back by itself, its pods with their names and new sandboxes', async () => {
  await takeDown(name)
  const lab = await up({ name, servers: 3, agents: 1 })
  const before = await workloadPods(lab)
  const there = [...before].filter(([, pod]) => pod.spec.nodeName === 's2').map(([key]) => key)
  expect(there.length).toBeGreaterThan(0)
  await power(name, 's2', 'off')
  await power(name, 's2', 'on')
  await until({ waitingFor: () => `the pods of s2 to be ready again`, timeoutMs: 120_000, everyMs: 500 }, async () => {
    const now = await workloadPods(lab)
    const back = there.every((key) => {
      const pod = now.get(key)
      const ready = pod?.status.conditions.some((one) => one.type === 'Ready' && one.status === 'True')
      return ready && pod?.status.containerStatuses.every((one) => one.restartCount > 0)
    })
    return back ? true : undefined
  })
  expect((await lab.exec('s2', ['systemctl', 'is-active', 'k3s'])).stdout).toBe('active\n')
  expect([...(await workloadPods(lab)).keys()].sort()).toEqual([...before.keys()].sort())
})
