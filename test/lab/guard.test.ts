import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../src/lab/host.ts'
import { breakNode, find, type Lab, mendNode } from '../../src/lab/lab.ts'
import { guardMs } from '../../src/operations/under-guard.ts'
import { type ClusterState, differences, settledState } from './support/cluster-state.ts'
import { quietLab, takeDown } from './support/fresh-lab.ts'
import { onNode } from './support/lab-access.ts'
import { migrate, mustMigrate } from './support/migrate.ts'
import { everyNodeReady } from './support/nodes-ready.ts'
import { watchReach } from './support/reach-of-nodes.ts'

/**
 * The field report's incident: at Cilium's first start the agent crash-loops and takes two of three servers off the network,
 * not even ping gets through. There it took a walk to a power switch.
 */
const name = 'guard'
const cut = ['s1', 's2']
/** Restoring, and what the machine under the lab needs for it. */
const restoringMs = 30_000
let lab: Lab
let before: ClusterState

beforeAll(async () => {
  lab = await quietLab({ name, servers: 3, agents: 1 })
  before = await settledState(lab)
})
afterAll(() => takeDown(name))

/** A run into the incident; gives what was said, and for how long each server was out of reach. */
async function incident(nodes: readonly string[], ...command: string[]) {
  for (const node of nodes) breakNode(name, node, { name: 'cilium-crash', value: 'link-down' })
  const pids = find(name).nodes.map(({ pid }) => pid)
  const watch = watchReach(lab, nodes)
  const { code, stdout, stderr } = await migrate(lab, [...command, '--yes'])
  const awayMs = await watch.stop()
  expect(code, stderr).toBe(1)
  expect(
    find(name).nodes.map(({ pid }) => pid),
    'nobody touched a power switch',
  ).toEqual(pids)
  const said = stdout + stderr
  for (const ms of awayMs) {
    expect(ms, said).toBeGreaterThan(10_000)
    expect(ms, said).toBeLessThan(guardMs + restoringMs)
  }
  for (const node of nodes) expect(said).toMatch(new RegExp(`${node}: its guard fired at .*set eth0 up`))
  expect(said).toMatch(/next: .*migrate resume/i)
}

const mend = (nodes: readonly string[]) => {
  for (const node of nodes) mendNode(name, node, 'cilium-crash')
}

/** No timer, no receipt, nothing held down. */
async function expectNoGuards(): Promise<void> {
  const left =
    "ls -d /var/lib/cni-migrate /etc/systemd/system/cni-migrate* /etc/systemd/system/*/cni-migrate* /run/cilium.held* 2>/dev/null; systemctl list-units --all --plain --no-legend 'cni-migrate*'; [ ! -f /run/cilium ]"
  for (const { name: node } of lab.nodes) expect(await onNode(lab, node, left), node).toBe('')
}

const live = ['--runbook', 'k3s-flannel-to-cilium-live', '--policies', 'open']

describe.each([
  ['one cut-over', []],
  ['node by node', live],
])('%s', (_way, chosen) => {
  test('two of three servers are cut off, come back by themselves, and the run says so', async () => {
    await incident(cut, 'run', ...chosen)
    const told = await mustMigrate(lab, 'status')
    for (const node of cut) {
      expect(told).toContain(`${node}: its guard fired`)
      expect(await onNode(lab, node, 'cat /run/cilium')).toContain("holds Cilium's agent down")
    }
    // K3s ran on: etcd has all its members again, and whoever is cut off no longer is Ready again.
    await everyNodeReady(lab, 's3')
  })

  test('with the cause still there, rollback gives back the cluster as it was', async () => {
    await mustMigrate(lab, 'rollback', '--yes')
    await expectNoGuards()
    expect(differences(before, await settledState(lab))).toEqual([])
  })

  test('the same once more', async () => {
    await incident(cut, 'run', ...chosen)
  })

  test('with the cause mended, resume lets the agents start again and carries on to the end', async () => {
    mend(cut)
    await mustMigrate(lab, 'resume', '--yes')
    expect(await mustMigrate(lab, 'plan', ...chosen)).toMatch(/Nothing to do/)
    await expectNoGuards()
    await mustMigrate(lab, 'rollback', '--yes')
  })
})

test('node by node: a server that is cut off as its agent is made anew comes back, and a rollback moves back who had moved', async () => {
  const { code } = await migrate(lab, ['run', '--yes', ...live], 'step.afterCheckpoint:uncordon-1')
  expect(code).toBe(128 + 9)
  await incident(['s1'], 'resume')
  await mustMigrate(lab, 'rollback', '--yes')
  mend(['s1'])
  await expectNoGuards()
  expect(differences(before, await settledState(lab))).toEqual([])
})

test('killed with guards armed, the nodes put themselves back, and rollback goes on from there', async () => {
  const { code } = await migrate(lab, ['run', '--yes'], 'task.afterApply:cilium-beside')
  expect(code).toBe(128 + 9)
  await Promise.all(
    lab.nodes.map(({ name: node }) =>
      until({ waitingFor: () => `the guard of ${node}`, timeoutMs: guardMs + restoringMs, everyMs: 1_000 }, async () =>
        (await lab.exec(node, ['test', '-f', '/run/cilium'])).code === 0 ? true : undefined,
      ),
    ),
  )
  expect(await mustMigrate(lab, 'rollback', '--yes')).toMatch(/s1: its guard fired/)
  await expectNoGuards()
  expect(differences(before, await settledState(lab))).toEqual([])
})
