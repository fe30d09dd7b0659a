import { afterAll, beforeAll, expect, test } from 'vitest'
import { must, until } from '../../src/lab/host.ts'
import { type Lab, power } from '../../src/lab/lab.ts'
import { namespaceOf } from '../../src/lab/layout.ts'
import { armGuard, disarmGuard, forgetGuard, GuardFired, lookAtGuard, renewGuard } from '../../src/nodes/guard.ts'
import type { Node } from '../../src/nodes/node.ts'
import { networkGuardProgram } from '../../src/operations/network-guard-program.ts'
import { freshLab, takeDown } from './support/fresh-lab.ts'
import { onNode } from './support/lab-access.ts'
import { labNode } from './support/lab-node.ts'
import { reached } from './support/reach-of-nodes.ts'

// Machines only: what a real systemd makes of a guard.
const name = 'guard-machine'
const run = 'r1'
let lab: Lab
let node: Node

beforeAll(async () => {
  lab = await freshLab({ name, servers: 1, agents: 0, cluster: false })
  node = labNode(lab, 's1')
})
afterAll(() => takeDown(name))

const arm = (afterMs: number) => armGuard(node, run, networkGuardProgram, ['agent'], afterMs)
const fired = () =>
  until({ waitingFor: () => 'the guard', timeoutMs: 30_000, everyMs: 200 }, async () => {
    const state = await lookAtGuard(node, run)
    return state.kind === 'fired' ? state : undefined
  })
const left = () =>
  onNode(
    lab,
    's1',
    "ls /var/lib/cni-migrate 2>/dev/null; ls -d /etc/systemd/system/cni-migrate* /etc/systemd/system/*/cni-migrate* 2>/dev/null; systemctl list-units --all --plain --no-legend 'cni-migrate*'",
  )

test('disarmed, nothing of it is left and nothing happens', async () => {
  expect(await arm(60_000)).toBe('armed')
  expect(await lookAtGuard(node, run)).toEqual({ kind: 'armed' })
  await disarmGuard(node, run)
  expect(await lookAtGuard(node, run)).toEqual({ kind: 'none' })
  expect(await left()).toBe('')
  await disarmGuard(node, run)
})

test('renewed, its time begins anew; armed again as well, and what it saved first stays', async () => {
  await arm(60_000)
  const due = () => onNode(lab, 's1', 'systemctl show -p NextElapseUSecMonotonic --value cni-migrate-r1-guard.timer')
  const first = await due()
  await renewGuard(node, run)
  const second = await due()
  expect(second).not.toBe(first)
  await onNode(lab, 's1', 'ip address add 192.0.2.1/32 dev lo')
  expect(await arm(60_000)).toBe('renewed')
  expect(await due()).not.toBe(second)
  expect(await onNode(lab, 's1', 'cat /var/lib/cni-migrate/r1/guard/addresses')).not.toContain('192.0.2.1')
  await onNode(lab, 's1', 'ip address del 192.0.2.1/32 dev lo')
  await disarmGuard(node, run)
  await expect(renewGuard(node, run)).rejects.toThrow()
})

test('a node that was cut off comes back by itself, and tells what it did', async () => {
  expect(await reached(lab, 's1')).toBe(true)
  await arm(3_000)
  await onNode(
    lab,
    's1',
    'mkdir -p /run/cilium/state; ip link add cilium_host type veth peer name cilium_net; ip link set eth0 down',
  )
  expect(await reached(lab, 's1')).toBe(false)
  const state = await fired()
  expect(state).toMatchObject({ whole: true, failed: [] })
  expect(state.done).toEqual(expect.arrayContaining(['set eth0 up', "hold Cilium's agent down"]))
  // With one end of a pair goes the other.
  expect(state.done).toContainEqual(expect.stringMatching(/^delete cilium_(host|net)$/))
  expect(await reached(lab, 's1')).toBe(true)
  expect(await onNode(lab, 's1', 'ip route show default')).toContain('default via')
  // Told to the journal as well, for whoever sits at the console.
  expect(await onNode(lab, 's1', 'journalctl -u cni-migrate-r1-guard.service -o cat')).toContain('done: set eth0 up')

  // Who comes too late is told so, and reads before anything is begun anew.
  await expect(disarmGuard(node, run)).rejects.toThrow(GuardFired)
  await expect(renewGuard(node, run)).rejects.toThrow(GuardFired)
  await expect(arm(60_000)).rejects.toThrow(GuardFired)
  await forgetGuard(node, run)
  expect(await left()).toBe('')
})

async function reboot(): Promise<void> {
  await power(name, 's1', 'off')
  await power(name, 's1', 'on')
  await node.reconnect()
}

test('switched off and on, the agent is held down before K3s starts, at every boot, until somebody knows of it', async () => {
  await arm(60_000)
  for (const _boot of ['first', 'second']) {
    await reboot()
    expect(await lookAtGuard(node, run)).toMatchObject({
      kind: 'fired',
      whole: true,
      done: expect.arrayContaining(["hold Cilium's agent down"]),
      failed: [],
    })
    expect(await onNode(lab, 's1', 'cat /run/cilium')).toContain("holds Cilium's agent down")
    expect(await onNode(lab, 's1', 'systemctl show -p Before --value cni-migrate-r1-guard-boot.service')).toMatch(
      /\bk3s\.service\b/,
    )
  }
  await expect(arm(60_000)).rejects.toThrow(GuardFired)
  await forgetGuard(node, run)
  expect(await left()).toBe('')
  await reboot()
  expect(await onNode(lab, 's1', 'ls /run/cilium 2>&1 || :')).toContain('No such file')
})

test('by hand, as the README has it: the agent starts again, and after the next boot as well', async () => {
  await arm(60_000)
  await reboot()
  await onNode(lab, 's1', 'rm -r /var/lib/cni-migrate/*/guard; rm /run/cilium')
  await reboot()
  expect(await onNode(lab, 's1', 'ls /run/cilium 2>&1 || :')).toContain('No such file')
  // The run's own way takes the rest.
  await forgetGuard(node, run)
  expect(await left()).toBe('')
})

test('disarmed, a reboot does nothing; nor does it to a guard that holds no agent, which can be armed anew', async () => {
  await arm(60_000)
  await disarmGuard(node, run)
  await armGuard(node, 'r2', networkGuardProgram, ['-'], 60_000)
  await reboot()
  expect(await onNode(lab, 's1', 'ls /run/cilium 2>&1 || :')).toContain('No such file')
  expect(await lookAtGuard(node, 'r2')).toEqual({ kind: 'gone' })
  expect(await armGuard(node, 'r2', networkGuardProgram, ['-'], 60_000)).toBe('armed')
  await disarmGuard(node, 'r2')
})

test('two runs have two guards', async () => {
  await arm(60_000)
  await armGuard(node, 'r2', networkGuardProgram, ['-'], 60_000)
  await disarmGuard(node, run)
  expect(await lookAtGuard(node, 'r2')).toEqual({ kind: 'armed' })
  await disarmGuard(node, 'r2')
})

test('the bridge of the lab is not what brought the node back', async () => {
  // Guards the tests above: a link that is down stays down when nobody puts it up.
  await must(['ip', '-n', namespaceOf(name, 's1'), 'link', 'set', 'eth0', 'down'])
  expect(await reached(lab, 's1')).toBe(false)
  await must(['ip', '-n', namespaceOf(name, 's1'), 'link', 'set', 'eth0', 'up'])
})
