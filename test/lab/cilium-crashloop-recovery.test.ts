import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../../src/lab/host.ts'
import { breakNode, type Lab, power } from '../../src/lab/lab.ts'
import { type ClusterState, differences, settledState } from './support/cluster-state.ts'
import { quietLab, takeDown } from './support/fresh-lab.ts'
import { onNode } from './support/lab-access.ts'
import { migrate, mustMigrate } from './support/migrate.ts'
import { listPlanted, plant } from './support/planted.ts'
import { reached } from './support/reach-of-nodes.ts'

/**
 * The field report's incident without a run of ours: somebody installs Cilium, its agents crash-loop, and two of three servers
 * are off the network. The cause is not mended: only that the agents are gone keeps the nodes there.
 */
const name = 'crash'
const runbook = ['--runbook', 'cilium-crashloop-recovery']
const cut = ['s1', 's2']
let lab: Lab
let planted: Record<string, string[]>
let origin: ClusterState

/** Without `bootstrap`, as the documentation of a chart has it: the job has a pod's network. */
const chart = JSON.stringify({
  apiVersion: 'helm.cattle.io/v1',
  kind: 'HelmChart',
  metadata: { name: 'cilium', namespace: 'kube-system' },
  spec: {
    chart: 'cilium',
    repo: 'https://helm.cilium.io',
    version: '1.17.6',
    targetNamespace: 'kube-system',
    valuesContent: 'tunnelPort: 8473\nipam:\n  operator:\n    clusterPoolIPv4PodCIDRList: [10.52.0.0/16]\n',
  },
})

/** Kinds that people make objects of stay, and plugins that nobody can tell whose they are. */
const isKept = (line: string): boolean =>
  / \/opt\/cni(\/bin(\/loopback)?)?\b/.test(line) || /^objects: \+ CustomResourceDefinition /.test(line)

beforeAll(async () => {
  lab = await quietLab({ name, servers: 3, agents: 1 })
  planted = await plant(lab)
  origin = await settledState(lab)
})
afterAll(() => takeDown(name))

const cutOff = (nodes: readonly string[]) =>
  until({ waitingFor: () => `${nodes.join(', ')} to be cut off`, timeoutMs: 180_000, everyMs: 1_000 }, async () => {
    const answers = await Promise.all(nodes.map((node) => reached(lab, node)))
    return answers.includes(true) ? undefined : true
  })

test('where flannel runs and there is no Cilium there is nothing to do', async () => {
  expect(await mustMigrate(lab, 'plan', ...runbook)).toMatch(/Nothing to do/)
})

test('two of three servers are cut off: planned while they are silent, and led out of it with their power switches', async () => {
  for (const node of cut) breakNode(name, node, { name: 'cilium-crash', value: 'link-down' })
  await onNode(lab, 's3', `k3s kubectl apply -f - <<'END'\n${chart}\nEND`)
  await cutOff(cut)

  const plan = await mustMigrate(lab, 'plan', ...runbook)
  for (const node of cut) expect(plan).toContain(`${node}: every node answers. it is silent`)
  expect(plan).toContain('silent or still changing when this was planned')

  const running = migrate(lab, ['run', '--yes', ...runbook])
  for (const node of cut) {
    await power(name, node, 'off')
    await power(name, node, 'on')
  }
  const { code, stdout, stderr } = await running
  expect(code, `${stdout.slice(-4_000)}\n${stderr}`).toBe(0)
  expect(stdout).toMatch(/power switch/)

  const found = await listPlanted(lab)
  for (const { name: node } of lab.nodes) if (!cut.includes(node)) expect(found[node], node).toEqual(planted[node])
  // Who was switched off has lost what lay in memory, as of anybody.
  await plant(lab)
  const others = differences(origin, await settledState(lab)).filter((line) => !isKept(line))
  expect(others).toEqual([])
  expect(await mustMigrate(lab, 'plan', ...runbook)).toMatch(/Nothing to do/)
})

test('what was removed is not brought back by a rollback', async () => {
  const { code, stderr } = await migrate(lab, ['rollback', '--yes'])
  expect(code).toBe(3)
  expect(stderr).toMatch(/cannot be undone/)
})
