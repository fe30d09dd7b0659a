import { attemptClasses } from '../facts/reachability.ts'

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
}

/** The prober's lines (probe-script.ts). Broken ones, as a power-off leaves them, are counted. */
export function parseAttempts(text: string): { attempts: Attempt[]; broken: number } {
  const attempts: Attempt[] = []
  let broken = 0
  for (const line of text.split('\n')) {
    if (line === '') continue
    const [id, at, duration, outcome, said] = line.split('\t')
    if (
      !id ||
      said === undefined ||
      !/^\d{13}$/.test(at ?? '') ||
      !/^\d{1,7}$/.test(duration ?? '') ||
      !isClass(outcome)
    ) {
      broken++
      continue
    }
    const heard = said === '' ? null : Buffer.from(said, 'base64').toString('utf8').slice(0, 120)
    attempts.push({ id, atMs: Number(at), durationMs: Number(duration), outcome, said: heard })
  }
  return { attempts, broken }
}

function isClass(text: string | undefined): text is AttemptClass {
  return attemptClasses.some((one) => one === text)
}

/** A targets file or stdin for the prober. */
export function targetLines(
  targets: readonly { id: string; netns: string; address: string; port: number; kind: string }[],
): string {
  return targets.map((one) => `${one.id}\t${one.netns}\t${one.address}\t${one.port}\t${one.kind}\n`).join('')
}
