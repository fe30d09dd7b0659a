import type { Clock } from '../engine/model.ts'
import { MigrateError } from '../errors.ts'
import { clockOffsetMs } from '../facts/clock-offset.ts'
import type { Command, Node, Outcome } from '../nodes/node.ts'
import { outcomeError, script } from '../nodes/run.ts'
import type { RejectSamples } from './evidence.ts'
import { rejectSamplerScript } from './reject-sampler-script.ts'
import { difference, parseSlice, type RejectSample, type Slice } from './reject-samples.ts'

/**
 * So long a command on the node lasts: what is seen is told that often, and whatever becomes of the operator's side, the
 * sampling there ends then. Between two of them nothing is lost: the counters stand in the kernel.
 */
const sliceMs = 5_000
/** For the connection, sudo, and one iptables-save of a node that is busy. */
const slackMs = 30_000
const retryMs = 1_000

/** What has been seen since the sampling began. */
export interface RejectProgress {
  samples: number
  rejects: number
  reconciles: number
}

export interface SampleRejectsOptions {
  clock: Clock
  durationMs: number
  /** Ends it early; what was seen until then is kept. */
  signal?: AbortSignal
  onSample?: (progress: RejectProgress) => void
}

/**
 * Watches kube-router's REJECT counters on a node for a time, once a second, or less often where that would cost more than
 * 2 % of a core. Only reads, and leaves nothing on the node. A connection that is lost is made anew: reconciles and counters of
 * the time without it may be lost, and `problem` says how long that was.
 */
export async function sampleRejects(node: Node, options: SampleRejectsOptions): Promise<RejectSamples> {
  const { clock, signal } = options
  const tally = new Tally(node.name)
  const startedMs = clock.nowMs()
  const untilMs = startedMs + options.durationMs
  let cpuMs = 0
  while (!signal?.aborted && clock.nowMs() < untilMs) {
    const sentMs = clock.nowMs()
    const asked = await ask(node, Math.min(sliceMs, untilMs - sentMs), cpuMs, sentMs - startedMs, signal)
    if (asked === 'aborted') break
    const { outcome, error } = asked
    const answeredMs = clock.nowMs()
    const slice = outcome && parseSlice(outcome.stdout)
    if (slice) {
      cpuMs += slice.cpuMs
      tally.add(slice, sentMs, answeredMs)
      options.onSample?.(tally.progress)
    }
    if (outcome?.kind === 'exited' && outcome.code !== 0) {
      tally.problems.push(outcomeError(node.name, commandOf(0, 0, 0), outcome).message)
      break
    }
    if (error !== undefined || outcome?.kind !== 'exited') {
      await pause(clock, retryMs, signal)
      tally.lostMs += clock.nowMs() - answeredMs + (slice ? 0 : answeredMs - sentMs)
      tally.lostWhy = error ?? (outcome?.kind === 'unknown' ? outcome.reason : 'the sampler was ended from outside')
    } else if (slice?.dueMs && slice.endMs) {
      await pause(clock, Math.min(slice.dueMs - slice.endMs, untilMs - answeredMs), signal)
    } else {
      tally.problems.push(`${node.name}: the sampler said something that it does not say`)
      break
    }
  }
  return tally.result(cpuMs / Math.max(clock.nowMs() - startedMs, 1))
}

function commandOf(lengthMs: number, spentMs: number, sinceMs: number): Command {
  const numbers = [lengthMs, spentMs, sinceMs].map((ms) => String(Math.round(ms)))
  // On stdin, not in an argument: sudo writes those into the node's log, every few seconds.
  return {
    ...script('reject-sampler', rejectSamplerScript, numbers, 'bash'),
    mode: 'read',
    timeoutMs: lengthMs + slackMs,
  }
}

type Asked = { outcome: Outcome | null; error?: string }

/** An abort does not wait for the node: what runs there ends by itself. */
async function ask(
  node: Node,
  lengthMs: number,
  spentMs: number,
  sinceMs: number,
  signal: AbortSignal | undefined,
): Promise<Asked | 'aborted'> {
  const asking = node.run(commandOf(lengthMs, spentMs, sinceMs)).then(
    (outcome): Asked => ({ outcome }),
    (error: unknown): Asked => {
      if (error instanceof MigrateError) return { outcome: null, error: error.message }
      throw error
    },
  )
  if (!signal) return asking
  const { promise: aborted, resolve } = Promise.withResolvers<'aborted'>()
  const stop = () => resolve('aborted')
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    return await Promise.race([aborted, asking])
  } finally {
    signal.removeEventListener('abort', stop)
    asking.catch(() => {})
  }
}

/** An abort ends it early, and is seen by who waits. */
async function pause(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (ms <= 0) return
  await clock.sleep(ms, signal).catch((error: unknown) => {
    if (!signal?.aborted) throw error
  })
}

/** All slices of one node put together; the node's times become the operator's. */
class Tally {
  readonly problems: string[] = []
  lostMs = 0
  lostWhy = ''
  private before: RejectSample | null = null
  private readonly byPod = new Map<string, RejectSamples['rejects'][number]>()
  private readonly samplesMs: number[] = []
  private readonly reconcilesMs: number[] = []
  private readonly gaps: (RejectSamples['gaps'][number] & { certain: boolean })[] = []
  /** The first sample may have hit a gap, in which nothing tells the version: known at the end. */
  private emptyIsGap = false
  private rejects = 0
  private readonly node: string

  constructor(node: string) {
    this.node = node
  }

  get progress(): RejectProgress {
    return { samples: this.samplesMs.length, rejects: this.rejects, reconciles: this.reconcilesMs.length }
  }

  add(slice: Slice, sentMs: number, answeredMs: number): void {
    const endMs = slice.endMs ?? slice.samples.at(-1)?.atMs ?? slice.beginMs
    const offsetMs = clockOffsetMs({ beginMs: slice.beginMs, endMs }, { sentMs, answeredMs })
    for (const sample of slice.samples) this.addSample(sample, Math.round(sample.atMs - offsetMs))
    for (const failure of slice.failures) {
      const text = `${this.node}: iptables-save failed: ${failure}`
      if (!this.problems.includes(text)) this.problems.push(text)
    }
  }

  private addSample(sample: RejectSample, atMs: number): void {
    const { increments, reconciled, gaps } = difference(this.before, sample)
    this.before = sample
    this.samplesMs.push(atMs)
    if (reconciled) this.reconcilesMs.push(atMs)
    for (const gap of gaps) this.gaps.push({ atMs, ...gap })
    this.emptyIsGap ||= sample.emptyIsGap
    for (const { namespace, pod, count } of increments) {
      const key = `${namespace}/${pod}`
      const one = this.byPod.get(key) ?? { namespace, pod, increments: [] }
      this.byPod.set(key, one)
      const last = one.increments.at(-1)
      // Two rule sets, or the chain before and the one after a sync, may both hold the pod.
      if (last?.[0] === atMs) last[1] += count
      else one.increments.push([atMs, count])
      this.rejects += count
    }
  }

  result(cpuShare: number): RejectSamples {
    const seconds = Math.round(this.lostMs / 1000)
    const lost = this.lostMs > 0 ? [`${this.node}: not reached for ${seconds} s of it: ${this.lostWhy}`] : []
    const problems = [...this.problems, ...lost]
    return {
      node: this.node,
      samplesMs: this.samplesMs,
      cpuShare,
      reconcilesMs: this.reconcilesMs,
      rejects: [...this.byPod.values()],
      gaps: this.gaps
        .filter((gap) => gap.certain || this.emptyIsGap)
        .map(({ atMs, namespace, pod, what }) => ({ atMs, namespace, pod, what })),
      problem: problems.length > 0 ? problems.join('; ') : null,
    }
  }
}
