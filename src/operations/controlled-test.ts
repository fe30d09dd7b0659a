import type { Clock } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { KubeApi } from '../kube/api.ts'
import type { Node } from '../nodes/node.ts'
import type { Evidence, Series } from '../probes/evidence.ts'
import {
  armResume,
  checkCronJobs,
  disarmResume,
  jobsUnderWay,
  resumeCronJobs,
  suspendCronJobs,
} from './suspended-cronjobs.ts'

/**
 * Stands in the lock where a run's id would: whoever meets it is told what ends it. One for all tests: whoever comes next takes
 * over that of a test whose process is gone.
 */
export const lockName = 'controlled-test (if it is over: migrate diagnose --restore)'

/** So long is waited for what they had begun to end: its pods churn as well. */
const settleMs = 120_000
const lookEveryMs = 2_000
/** The servers resume by themselves so long after the test should have ended: to prepare the watching takes a while too. */
const graceMs = settleMs + 180_000

/** What was watched before and while some CronJobs were suspended. */
export interface TestResult {
  cronJobs: string[]
  before: Evidence
  during: Evidence
}

/** How far a test is. `names`: CronJobs, or the Jobs that are waited for. */
export interface TestStage {
  stage: 'found-left' | 'watching' | 'suspended' | 'waiting' | 'not-waited-for' | 'resumed'
  names: readonly string[]
}

export interface ControlledTestOptions {
  kube: KubeApi
  servers: readonly Node[]
  clock: Clock
  /** `namespace/name` each. */
  cronJobs: readonly string[]
  /** How long they are suspended, besides the time that what they had begun takes to end. */
  forMs: number
  /** Watches as it is now; with pairs of an earlier time for as long as `forMs`. `early`: it was ended by Ctrl-C. */
  watch(again?: readonly Series[]): Promise<{ evidence: Evidence; early: boolean }>
  /** Ctrl-C. */
  stop: AbortSignal
  tell(stage: TestStage): void
}

/**
 * Watches, suspends the CronJobs, watches again. They are resumed whatever happens: at the end, at Ctrl-C, by a timer on the
 * servers if this process or machine ends, and by `putBack`.
 */
export async function controlledTest(options: ControlledTestOptions): Promise<TestResult> {
  const { kube, servers, cronJobs, watch, stop, tell } = options
  const left = await putBack(kube, servers)
  if (left.length > 0) tell({ stage: 'found-left', names: left })
  await checkCronJobs(kube, cronJobs)
  tell({ stage: 'watching', names: cronJobs })
  const before = await watch()
  if (before.early || stop.aborted) throw new FailedError('ended before anything was suspended')
  const during = await whileSuspended(options, before.evidence.series)
  return { cronJobs: [...cronJobs], before: before.evidence, during }
}

/** Resumes what a test has left. The timers go last: until all is resumed they are what resumes it if this process ends. */
export async function putBack(kube: KubeApi, servers: readonly Node[]): Promise<string[]> {
  const resumed = await resumeCronJobs(kube)
  // A server that does not answer keeps its timer, which then finds nothing that is marked.
  await Promise.allSettled(servers.map((server) => disarmResume(server)))
  return resumed
}

async function whileSuspended(options: ControlledTestOptions, again: readonly Series[]): Promise<Evidence> {
  const { kube, servers, cronJobs, forMs, watch, stop, tell } = options
  await arm(servers, cronJobs, forMs + graceMs)
  try {
    await suspendCronJobs(kube, cronJobs)
    tell({ stage: 'suspended', names: cronJobs })
    await settled(options)
    if (stop.aborted) throw new FailedError('ended before anything was watched without the CronJobs')
    return (await watch(again)).evidence
  } finally {
    tell({ stage: 'resumed', names: await putBack(kube, servers).catch(notResumed) })
  }
}

function notResumed(error: unknown): never {
  const why = error instanceof Error ? error.message : String(error)
  const next =
    'the servers resume them by themselves when the time of the test is over; before: migrate diagnose --restore'
  throw new FailedError(`the CronJobs could not be resumed: ${why}`, { next }, error)
}

/** One that does is enough; without any the test is not begun, for nobody would resume after us. */
async function arm(servers: readonly Node[], cronJobs: readonly string[], afterMs: number): Promise<void> {
  const tried = await Promise.allSettled(servers.map((server) => armResume(server, cronJobs, afterMs)))
  const failed = tried.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))
  if (failed.length === tried.length)
    throw new FailedError(`no server can be told to resume the CronJobs by itself: ${failed.join('; ')}`, {
      next: 'nothing was suspended',
    })
}

/** Waits for the jobs that are under way; one that takes long is told of and not waited for. */
async function settled({ kube, clock, cronJobs, stop, tell }: ControlledTestOptions): Promise<void> {
  const untilMs = clock.nowMs() + settleMs
  let told = false
  for (;;) {
    const left = await jobsUnderWay(kube, cronJobs)
    if (left.length === 0 || stop.aborted) return
    if (clock.nowMs() >= untilMs) return tell({ stage: 'not-waited-for', names: left })
    if (!told) tell({ stage: 'waiting', names: left })
    told = true
    await clock.sleep(lookEveryMs, stop).catch((error: unknown) => {
      if (!stop.aborted) throw error
    })
  }
}
