import { expect, test } from 'vitest'
import { type Base, planNow } from '../../src/simulator/base.ts'
import { prepareScenario, scenarios } from '../../src/simulator/campaign.ts'
import { differences, type EndState, endStateOf } from '../../src/simulator/end-state.ts'
import { emptyDisk } from '../../src/simulator/operator/disk.ts'
import { play, unaltered } from '../../src/simulator/play.ts'
import type { Simulation } from '../../src/simulator/simulation.ts'
import { expectKilledAnywhere } from './killed-anywhere.ts'

interface Moved {
  origin: EndState
  simulation: Simulation
  back: Base
}

/** A cluster that was moved, and whose run is lost: somebody with an empty disk plans this runbook. */
async function moved(at: number): Promise<Moved> {
  const scenario = scenarios[at]
  if (scenario === undefined) throw new Error('no such scenario')
  const { base } = await prepareScenario(scenario)
  const origin = endStateOf(base.simulation.state)
  const simulation = base.simulation.fork()
  expect(await play(simulation, base, 'forward', 'stop', unaltered)).toBe('finished')
  await simulation.idle(60_000)
  simulation.disk = emptyDisk()
  const planned = await planNow(simulation, base.run.inventory, 'cilium-to-flannel', {})
  return { origin, simulation, back: { ...base, simulation, run: { ...base.run, ...planned, runId: 'back' } } }
}

/** What a cluster keeps of Cilium, as nobody can tell whose it is or it is of use once more. */
const isKept = (line: string): boolean =>
  /: \+ (quay\.io\/cilium\/|755 \/opt\/cni\/bin\/(loopback|portmap) |d \/opt\/cni(\/bin)? |cilium(networkpolicies|nodeconfigs)$)/.test(
    line,
  )
/** Flags are set where they win, and not taken away: what they were before nobody knows. */
const isFlags = (line: string): boolean => / files: [-+] .*\/etc\/(rancher\/k3s\/|systemd\/system\/k3s)/.test(line)

test.each([0, 1, 2, 3])('scenario %d: the whole way back without the run that led there', async (at) => {
  const { origin, simulation, back } = await moved(at)
  expect(back.run.plan.findings.filter(({ level }) => level === 'blocks')).toEqual([])
  expect(await play(simulation, back, 'forward', 'stop', unaltered)).toBe('finished')
  await simulation.idle(60_000)
  const end = endStateOf(simulation.state)
  expect(differences(origin, end).filter((line) => !isKept(line) && !isFlags(line))).toEqual([])
  expect(end.reach).toEqual(origin.reach)
  const again = await planNow(simulation, back.run.inventory, 'cilium-to-flannel', {})
  expect(again.plan.steps).toEqual([])
})

test('killed anywhere and resumed: the same end', async () => {
  const { simulation, back } = await moved(1)
  await expectKilledAnywhere(simulation, back)
})

test('before Cilium is uninstalled the way leads back; afterwards it is refused before anything is undone', async () => {
  const { simulation, back } = await moved(1)
  const origin = endStateOf(simulation.state)
  const stopBefore = async (step: string) => {
    const one = simulation.fork()
    const confirm = async ({ stepId }: { stepId: string }) => (stepId === step ? ('stop' as const) : ('go' as const))
    await play(one, back, 'forward', 'stop', (context) => ({ ...context, operator: { ...context.operator, confirm } }))
    return one
  }
  const before = await stopBefore('cilium-uninstalled')
  expect(await play(before, back, 'back', 'stop', unaltered)).toBe('rolled-back')
  await before.idle(60_000)
  expect(differences(origin, endStateOf(before.state))).toEqual([])

  const after = await stopBefore('cilium-leftovers')
  const state = endStateOf(after.state)
  expect(await play(after, back, 'back', 'stop', unaltered)).toMatchObject({
    error: expect.stringMatching(/Uninstall Cilium \(cluster\) cannot be undone: .*a run of k3s-flannel-to-cilium/),
  })
  const isLock = (line: string) => line.includes('/var/lib/cni-migrate/lock/')
  expect(differences(state, endStateOf(after.state)).filter((line) => !isLock(line))).toEqual([])
})
