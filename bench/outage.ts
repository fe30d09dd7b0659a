/**
 * What a migration costs on the practice cluster: both orders, each on a fresh one of three servers and an agent, and a plain
 * restart of K3s for comparison. `npm run bench:outage`, as root; about five minutes on an idle machine.
 */
import { down, type Lab, list, up } from '../src/lab/lab.ts'
import { outagesOf, summarize } from '../src/probes/outage.ts'
import { table } from '../src/report/table.ts'
import { restartK3s, watchControlPlane } from '../test/lab/support/control-plane.ts'
import { attemptsOfNewestRun, migrateUntil, mustMigrate } from '../test/lab/support/migrate.ts'

const name = 'bench'
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
const say = (line: string): void => void process.stderr.write(`${line}\n`)

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
}

async function onFreshLab<Result>(work: (lab: Lab) => Promise<Result>): Promise<Result> {
  if (list().some((lab) => lab.name === name)) await down(name)
  const lab = await up({ name, servers: 3, agents: 1, say })
  try {
    return await work(lab)
  } finally {
    await down(name)
  }
}

async function measure(order: 'staged' | 'seed'): Promise<string[]> {
  return onFreshLab(async (lab) => {
    say(`running the order ${order}`)
    const watch = await watchControlPlane(lab)
    const startedMs = performance.now()
    await mustMigrate(lab, 'run', '--order', order, '--yes')
    const totalMs = performance.now() - startedMs
    const { awayMs } = await watch.stop()
    const pairs = outagesOf(attemptsOfNewestRun(lab)).filter((pair) => pair.workedAtFirst)
    const { longestMs, working, interrupted } = summarize(pairs)
    const typicalMs = median(pairs.map((pair) => pair.longestMs))
    return [
      order,
      seconds(longestMs),
      seconds(typicalMs),
      `${interrupted} of ${working}`,
      seconds(awayMs),
      seconds(totalMs),
    ]
  })
}

/** With Cilium beside flannel, as it is when the staged order stops K3s: its pods start with K3s, too. */
async function plainRestart(): Promise<string[]> {
  return onFreshLab(async (lab) => {
    await migrateUntil(lab, 'step.afterCheckpoint:cilium-carries-nothing', 'run', '--yes')
    say('restarting K3s on every node')
    const startedMs = performance.now()
    const { awayMs } = await restartK3s(lab)
    return ['restart of K3s by hand', '-', '-', '-', seconds(awayMs), seconds(performance.now() - startedMs)]
  })
}

const head = ['', 'longest outage of a pair', 'median over pairs', 'pairs interrupted', 'control plane away', 'total']
const rows = [await measure('staged'), await measure('seed'), await plainRestart()]
process.stdout.write(`${table([head, ...rows], 120).join('\n')}\n`)
