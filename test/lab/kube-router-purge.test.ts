import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Lab } from '../../src/lab/lab.ts'
import { type ClusterState, expectState, settledState } from './support/cluster-state.ts'
import { quietLab, takeDown } from './support/fresh-lab.ts'
import { onNode } from './support/lab-access.ts'
import { migrate, mustMigrate } from './support/migrate.ts'
import { everyNodeReady } from './support/nodes-ready.ts'
import { expectPlanted, plant } from './support/planted.ts'

/** k3s#7244: the policy controller is switched off, and its rules stay as they were. */
const name = 'purge'
const runbook = ['--runbook', 'kube-router-purge']
let lab: Lab
let planted: Record<string, string[]>
let frozen: ClusterState

beforeAll(async () => {
  lab = await quietLab({ name, servers: 3, agents: 1 })
  planted = await plant(lab)
})
afterAll(() => takeDown(name))

const leftOn = (node: string) =>
  onNode(lab, node, 'iptables-save | grep -Ec "^:(KUBE-ROUTER-(INPUT|FORWARD|OUTPUT)|KUBE-POD-FW-|KUBE-NWPLCY-)" || :')

test('while K3s runs the controller: refused, with what to do instead', async () => {
  const { code, stderr } = await migrate(lab, ['run', '--yes', ...runbook])
  expect(code).toBe(3)
  expect(stderr).toMatch(/s1: nobody writes kube-router's rules: K3s runs its policy controller.*migrate plan/)
})

test('frozen rules are removed, and nothing else is changed', async () => {
  for (const { name: node, role } of lab.nodes) {
    const off =
      role === 'server' ? "echo 'disable-network-policy: true' >/etc/rancher/k3s/config.yaml.d/50-off.yaml; " : ''
    await onNode(
      lab,
      node,
      `mkdir -p /etc/rancher/k3s/config.yaml.d; ${off}systemctl restart k3s${role === 'agent' ? '-agent' : ''}`,
    )
  }
  await everyNodeReady(lab, 's1')
  frozen = await settledState(lab)
  for (const { name: node } of lab.nodes) expect(Number(await leftOn(node)), node).toBeGreaterThan(10)

  await mustMigrate(lab, 'run', '--yes', ...runbook)
  for (const { name: node } of lab.nodes) expect((await leftOn(node)).trim(), node).toBe('0')
  await expectPlanted(lab, planted)
  expect(await mustMigrate(lab, 'plan', ...runbook)).toMatch(/Nothing to do/)
})

test('rolled back, the rules stand where they stood', async () => {
  await mustMigrate(lab, 'rollback', '--yes')
  await expectState(lab, frozen)
  await expectPlanted(lab, planted)
})
