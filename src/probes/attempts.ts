import { attemptClasses } from '../facts/reachability.ts'
import type { Target } from './pairs.ts'

export type AttemptClass = (typeof attemptClasses)[number]

export interface Attempt {
  /** Pair.id */
  id: string
  /** When it began, by the node's clock. */
  atMs: number
  durationMs: number
  outcome: AttemptClass
  /** Last line that the server said of itself; null: none, or not listened to. Written by a pod: show it escaped. */
  said: string | null
  /** http: from the beginning to the first byte of the answer; null: none came, or another kind. */
  firstByteMs: number | null
}

/** The prober's lines (probe-script.ts). Broken ones, as a power-off leaves them, are counted. */
export function parseAttempts(text: string): { attempts: Attempt[]; broken: number } {
  const attempts: Attempt[] = []
  let broken = 0
  for (const line of text.split('\n')) {
    if (line === '') continue
    const [id, at, duration, outcome, said, firstByte] = line.split('\t')
    if (
      !id ||
      said === undefined ||
      !/^\d{13}$/.test(at ?? '') ||
      !/^\d{1,7}$/.test(duration ?? '') ||
      !isClass(outcome) ||
      !/^\d{0,7}$/.test(firstByte ?? '')
    ) {
      broken++
      continue
    }
    const heard = said === '' ? null : Buffer.from(said, 'base64').toString('utf8').slice(0, 120)
    const firstByteMs = firstByte ? Number(firstByte) : null
    attempts.push({ id, atMs: Number(at), durationMs: Number(duration), outcome, said: heard, firstByteMs })
  }
  return { attempts, broken }
}

function isClass(text: string | undefined): text is AttemptClass {
  return attemptClasses.some((one) => one === text)
}

/** A targets file or stdin for the prober. */
export function targetLines(targets: readonly Target[]): string {
  return targets
    .map(({ id, netns, address, port, kind, every = 1 }) => `${id}\t${netns}\t${address}\t${port}\t${kind}\t${every}\n`)
    .join('')
}
