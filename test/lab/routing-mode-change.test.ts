import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../../src/lab/host.ts'
import type { Lab } from '../../src/lab/lab.ts'
import { type ClusterState, differences, settledState } from './support/cluster-state.ts'
import { quietLab, takeDown } from './support/fresh-lab.ts'
import { onNode, serverOf } from './support/lab-access.ts'
import { migrate, migrateUntil, mustMigrate } from './support/migrate.ts'

/** A cluster that runs Cilium with a tunnel. */
const name = 'mode'
const change = (to: string) => ['--runbook', 'routing-mode-change', '--to', to]
const revert = ['--runbook', 'cilium-revert-to-vxlan']
let lab: Lab
let origin: ClusterState

beforeAll(async () => {
  lab = await quietLab({ name, servers: 3, agents: 1 })
  await mustMigrate(lab, 'run', '--yes')
  origin = await settledState(lab)
})
afterAll(() => takeDown(name))

/** helm keeps what it deployed before. */
const isRevision = (line: string) => / Secret kube-system\/sh\.helm\.release\.v1\.cilium\.v\d+$/.test(line)

async function expectOrigin(): Promise<void> {
  expect(differences(origin, await settledState(lab)).filter((line) => !isRevision(line))).toEqual([])
}

const kubectl = (command: string) => onNode(lab, serverOf(lab), `k3s kubectl -n kube-system ${command}`)

/** By node: routes that lead to other nodes themselves, and whether there is a tunnel. */
async function routing(): Promise<string[]> {
  const script = `ip -4 route | grep -c "^10\\.52\\..* via 192\\.168\\."; ip -o link show cilium_vxlan 2>/dev/null | grep -c . ; true`
  return await Promise.all(
    lab.nodes.map(async (node) => (await onNode(lab, node.name, script)).trim().replace('\n', ' routes, tunnels ')),
  )
}
const everywhere = (one: string) => lab.nodes.map(() => one)

test('without a mode, and with the mode that there is, nothing happens', async () => {
  const { code, stderr } = await migrate(lab, ['plan', '--runbook', 'routing-mode-change'])
  expect(code).toBe(2)
  expect(stderr).toContain('--to takes native or tunnel')
  expect(await mustMigrate(lab, 'plan', ...change('tunnel'))).toMatch(/Nothing to do/)
  expect(await mustMigrate(lab, 'plan', ...revert)).toMatch(/Nothing to do/)
})

test('killed while the agents change, it is carried on to native routing on every node; verify finds nothing wrong', async () => {
  await migrateUntil(lab, 'task.afterApply:agents', 'run', '--yes', ...change('native'))
  await mustMigrate(lab, 'resume', '--yes')
  expect(await routing()).toEqual(everywhere('3 routes, tunnels 0'))
  expect((await settledState(lab)).reach).toEqual(origin.reach)
  const { spec } = JSON.parse(await kubectl('get daemonset cilium -o json')) as { spec: { updateStrategy: object } }
  expect(spec.updateStrategy).toMatchObject({ type: 'RollingUpdate' })
  await mustMigrate(lab, 'verify')
})

test('runbooks that would bring the tunnel back node by node, or leave its routes, are refused', async () => {
  for (const runbook of ['k3s-flannel-to-cilium', 'cilium-to-flannel']) {
    const { code, stdout } = await migrate(lab, ['preflight', '--json', '--runbook', runbook])
    expect(code).toBe(3)
    expect(stdout).toContain('routing-mode-change --to tunnel')
  }
})

test('rolled back, every node has its tunnel again, and everything is as it was', async () => {
  await mustMigrate(lab, 'rollback', '--yes')
  expect(await routing()).toEqual(everywhere('0 routes, tunnels 1'))
  await expectOrigin()
})

test('there and back by two runs: the end is the beginning', async () => {
  await mustMigrate(lab, 'run', '--yes', ...change('native'))
  await mustMigrate(lab, 'run', '--yes', ...change('tunnel'))
  await expectOrigin()
})

test('the emergency: a ConfigMap that was patched by hand, and one agent of all started anew with it', async () => {
  const data = {
    'routing-mode': 'native',
    'auto-direct-node-routes': 'true',
    'ipv4-native-routing-cidr': '10.52.0.0/16',
  }
  await kubectl(`patch configmap cilium-config --type merge -p '${JSON.stringify({ data })}'`)
  const [first = ''] = (await kubectl('get pods -l k8s-app=cilium -o name')).split('\n')
  await kubectl(`delete pod ${first.replace('pod/', '')}`)
  await until({ waitingFor: () => 'one node to route natively', timeoutMs: 120_000, everyMs: 1_000 }, async () =>
    (await routing()).filter((one) => one === '3 routes, tunnels 0').length === 1 ? true : undefined,
  )
  const broken = await settledState(lab)
  const lost = differences(origin, broken).filter((line) => /^reach: \+ .*: no$/.test(line))
  expect(lost.length).toBeGreaterThan(0)

  await mustMigrate(lab, 'run', '--yes', ...revert)
  expect(await routing()).toEqual(everywhere('0 routes, tunnels 1'))
  await expectOrigin()
})
