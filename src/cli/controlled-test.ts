import { diagnose } from '../diagnosis/diagnose.ts'
import { processInterrupts } from '../engine/interrupts.ts'
import { takeLocks } from '../engine/lock.ts'
import { FailedError } from '../errors.ts'
import type { Inventory } from '../inventory/schema.ts'
import type { Node } from '../nodes/node.ts'
import {
  armResume,
  checkCronJobs,
  disarmResume,
  jobsUnderWay,
  resumeCronJobs,
  suspendCronJobs,
} from '../operations/controlled-test.ts'
import type { Evidence } from '../probes/evidence.ts'
import { controlledTestJson, controlledTestText, type TestResult } from '../report/controlled-test-report.ts'
import { diagnosisText } from '../report/diagnosis-text.ts'
import type { ControlledTestFlags } from './controlled-test-options.ts'
import { gatherShown } from './gathering.ts'
import type { CommonOptions } from './options.ts'
import { type Cluster, locksFor, openForTest, systemClock } from './session.ts'

/** One for all: whoever comes next takes over the lock of a test whose process is gone. */
const lockName = 'controlled-test'
/** So long is waited for what they had begun to end: its pods churn as well. */
const settleMs = 120_000
const lookEveryMs = 2_000
/** The servers resume by themselves so long after the test should have ended: to prepare the watching takes a while too. */
const graceMs = settleMs + 180_000

/** Resumes what a test has left. */
export async function restore(inventory: Inventory, { json, terminal }: CommonOptions): Promise<void> {
  await using cluster = openForTest(inventory, terminal)
  const locks = await takeLocks(await locksFor(inventory, cluster, lockName))
  try {
    const resumed = await putBack(inventory, cluster)
    if (json) process.stdout.write(`${JSON.stringify({ kind: 'restored', cronJobs: resumed })}\n`)
    else process.stdout.write(resumed.length === 0 ? 'Nothing was suspended by a test.\n' : resumedText(resumed))
  } finally {
    await locks.release()
  }
}

const resumedText = (jobs: readonly string[]) => `Resumed: ${jobs.join(', ')}\n`

const serversOf = (inventory: Inventory, { nodes }: Cluster): Node[] =>
  inventory.nodes.filter(({ role }) => role === 'server').map(({ name }) => nodes.get(name))

/** The timers go last: until all is resumed they are what resumes it if this process ends. */
async function putBack(inventory: Inventory, cluster: Cluster): Promise<string[]> {
  const resumed = await resumeCronJobs(cluster.kube)
  // A server that does not answer keeps its timer, which then finds nothing that is marked.
  await Promise.allSettled(serversOf(inventory, cluster).map((server) => disarmResume(server)))
  return resumed
}

/** One that does is enough; without any the test is not begun, for nobody would resume after us. */
async function arm(inventory: Inventory, cluster: Cluster, jobs: readonly string[], afterMs: number): Promise<void> {
  const tried = await Promise.allSettled(
    serversOf(inventory, cluster).map((server) => armResume(server, jobs, afterMs)),
  )
  const failed = tried.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))
  if (failed.length === tried.length)
    throw new FailedError(`no server can be told to resume the CronJobs by itself: ${failed.join('; ')}`, {
      next: 'nothing was suspended',
    })
}

/**
 * Watches, suspends the CronJobs, watches again and compares. They are resumed whatever happens: at the end, at Ctrl-C, by
 * a timer on the servers if this process or machine ends, and by `--restore`.
 */
export async function controlledTest(
  inventory: Inventory,
  options: CommonOptions,
  flags: ControlledTestFlags,
  jobs: readonly string[],
): Promise<void> {
  const say = (text: string) => {
    if (!options.json) process.stderr.write(`${text}\n`)
  }
  using interrupts = processInterrupts(process)
  await using cluster = openForTest(inventory, options.terminal)
  const locks = await takeLocks(await locksFor(inventory, cluster, lockName))
  try {
    const left = await putBack(inventory, cluster)
    if (left.length > 0) say(`A test before had left these suspended. ${resumedText(left).trim()}`)
    await checkCronJobs(cluster.kube, jobs)
    say(`Watching as it is: ${jobs.join(', ')} run as usual.`)
    const before = await gatherShown(inventory, options, flags)
    if (before.early || interrupts.stop.aborted) throw new FailedError('ended before anything was suspended')
    const during = await whileSuspended(inventory, cluster, jobs, flags.for, say, interrupts.stop, async () => {
      const gathered = await gatherShown(inventory, options, { ...flags, duration: flags.for }, before.evidence.series)
      return gathered.evidence
    })
    report(options, { cronJobs: [...jobs], before: before.evidence, during })
  } finally {
    await locks.release()
  }
}

async function whileSuspended(
  inventory: Inventory,
  cluster: Cluster,
  jobs: readonly string[],
  forMs: number,
  say: (text: string) => void,
  stop: AbortSignal,
  watch: () => Promise<Evidence>,
): Promise<Evidence> {
  await arm(inventory, cluster, jobs, forMs + graceMs)
  try {
    await suspendCronJobs(cluster.kube, jobs)
    say(`Suspended: ${jobs.join(', ')}`)
    await settled(cluster, jobs, say, stop)
    return await watch()
  } finally {
    say(resumedText(await putBack(inventory, cluster)).trim())
  }
}

/** Waits for the jobs that are under way; one that takes long is told of and not waited for. */
async function settled(
  { kube }: Cluster,
  cronJobs: readonly string[],
  say: (text: string) => void,
  stop: AbortSignal,
): Promise<void> {
  const untilMs = systemClock.nowMs() + settleMs
  let told = false
  for (;;) {
    const left = await jobsUnderWay(kube, cronJobs)
    if (left.length === 0 || stop.aborted) return
    if (systemClock.nowMs() >= untilMs) return say(`Still under way, and watched with the rest: ${left.join(', ')}`)
    if (!told) say(`Waiting for what they have begun: ${left.join(', ')}`)
    told = true
    await systemClock.sleep(lookEveryMs, stop).catch((error: unknown) => {
      if (!stop.aborted) throw error
    })
  }
}

function report({ json, terminal }: CommonOptions, result: TestResult): void {
  if (json) {
    process.stdout.write(controlledTestJson(result))
    return
  }
  const lines = [...diagnosisText(diagnose(result.before), terminal), '', ...controlledTestText(result, terminal)]
  process.stdout.write(`${lines.join('\n')}\n`)
}
