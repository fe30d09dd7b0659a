import type { EngineEvent } from '../engine/events.ts'
import { execute } from '../engine/execute.ts'
import { FailedError } from '../errors.ts'
import { plainRenderer } from '../report/plain-renderer.ts'
import { planOverview, stepText } from '../report/plan-text.ts'
import { statusText } from '../report/status-text.ts'
import { table } from '../report/table.ts'
import { type Base, planNow, prepare } from './base.ts'
import { endStateOf } from './end-state.ts'
import { contextOf, unattended } from './operator/context.ts'
import type { OperatorProcess } from './operator/process.ts'
import { runState } from './play.ts'

const text = { colour: false, width: 110, maxDiffLines: 40 }
/** In the middle of moving the pods: the first node's are done, the second's are being stopped. */
const killedIn = { stepId: 'pods', target: 2 }

/** What a cluster is made of, counted past the program that is being shown. */
function measure({ simulation: { state } }: Base): [string, number][] {
  const sandboxes = Object.values(state.nodes).flatMap((node) => node.sandboxes.filter(({ ready }) => ready))
  const links = Object.values(state.nodes).flatMap((node) => node.links.map(({ name }) => name))
  const chains = Object.values(state.nodes).flatMap((node) => node.tables.flatMap((one) => one.chains))
  const reach = endStateOf(state).reach ?? []
  return [
    ['pods on flannel', sandboxes.filter(({ network }) => network === 'flannel').length],
    ['pods on Cilium', sandboxes.filter(({ network }) => network === 'cilium').length],
    ['flannel.1 links', links.filter((name) => name === 'flannel.1').length],
    ['cilium_vxlan links', links.filter((name) => name === 'cilium_vxlan').length],
    [
      "kube-router's chains",
      chains.filter(({ name }) => /^KUBE-(ROUTER-|(POD-FW|NWPLCY)-[A-Z2-7]{16})/.test(name)).length,
    ],
    ["flannel's chains", chains.filter(({ name }) => name.startsWith('FLANNEL-')).length],
    ['pairs that can talk', reach.filter((line) => line.endsWith(': ok')).length],
    ['pairs that policies forbid', reach.filter((line) => line.endsWith(': timeout')).length],
  ]
}

/** One process of the operator's. @returns how it ended */
function run({ simulation, run }: Base, say: (line: string) => void, dies: boolean): Promise<'killed' | string> {
  const renderer = plainRenderer(
    (line) => say(line.trimEnd()),
    () => simulation.state.nowMs,
  )
  let seen = 0
  const watch = (process: OperatorProcess) => (event: EngineEvent) => {
    renderer.handle(event)
    if (event.kind === 'task-started' && event.stepId === killedIn.stepId && ++seen === killedIn.target && dies)
      process.die()
  }
  return simulation.drive(() =>
    simulation.process('alice', (process) =>
      execute(contextOf(process, run, simulation.disk, unattended('stop'), watch(process))),
    ),
  )
}

/**
 * The demonstration where no practice nodes can be made: the same program over an in-memory cluster (src/simulator), whose
 * clock runs as fast as the machine lets it. Planned, run with the operator killed half-way, resumed, compared.
 */
export async function demonstrateSimulated(say: (line: string) => void): Promise<void> {
  const part = (title: string) => say(`\n=== ${title}`)
  part('a simulated cluster: 3 servers, 1 agent, and its plan')
  const base = await prepare({
    ...{ servers: 3, agents: 1, hostPort: true, flags: 'nowhere', order: 'staged', tunnelPort: 8473 },
  })
  const { simulation, run: planned } = base
  // As long as was measured.
  simulation.state.pace = 1
  const flags = planned.plan.steps.filter(({ stepId }) => stepId === 'flags')
  const findings = planned.plan.findings.filter(({ level }) => level !== 'fine')
  say(
    [
      planOverview({ ...planned.plan, findings }, text),
      ...flags.flatMap((step) => stepText(planned.plan, step, text)),
    ].join('\n'),
  )
  const before = measure(base)

  part('the migration, whose operator is killed while pods are being moved')
  if ((await run(base, say, true)) !== 'killed') throw new FailedError('the operator was to be killed')
  say('\nKilled: nothing was cleaned up. The journal says where it stood:')
  const summary = { runId: planned.runId, dir: '/simulated/.migrate', state: await runState(simulation) }
  say(statusText(planned.inventory.cluster.name, [summary], simulation.disk.lock, text.width).trimEnd())

  part('resume')
  await simulation.idle(60_000)
  const end = await run(base, say, false)
  if (end !== 'finished') throw new FailedError(`resumed, it ended with ${end}`)

  part('before and after')
  await simulation.idle(60_000)
  const after = new Map(measure(base))
  const rows = before.map(([what, count]) => [what, String(count), String(after.get(what))])
  say(table([['counted on the simulated nodes', 'before', 'after'], ...rows], text.width).join('\n'))
  if (after.get('pairs that can talk') !== before.find(([what]) => what === 'pairs that can talk')?.[1])
    throw new FailedError('who could talk before cannot now')

  part('plan again: nothing is left to do')
  const again = await planNow(simulation, planned.inventory, planned.plan.runbook, planned.plan.params)
  say(planOverview(again.plan, text).trimEnd())
  if (again.plan.steps.length > 0) throw new FailedError('a second plan still has changes')
}
