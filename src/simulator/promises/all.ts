import { foreignKept } from './foreign-kept.ts'
import { guardsKept } from './guards-kept.ts'
import { lifeboatLast } from './lifeboat-last.ts'
import { oneOperator } from './one-operator.ts'
import type { EnginePromise, Evidence } from './promise.ts'
import { quorumKept } from './quorum-kept.ts'
import { safetyFirst } from './safety-first.ts'
import { secretsKept } from './secrets-kept.ts'
import { writeAhead } from './write-ahead.ts'

/**
 * What is judged after every simulated run, besides P7 and P8, which are about where it ends (campaign.ts). P10 is the
 * transport's, P12 the command line's.
 */
const promises: readonly EnginePromise[] = [
  safetyFirst,
  writeAhead,
  foreignKept,
  quorumKept,
  lifeboatLast,
  guardsKept,
  secretsKept,
  oneOperator,
]

export const brokenPromises = (evidence: Evidence): string[] =>
  promises.flatMap((promise) =>
    promise
      .broken(evidence)
      .slice(0, 3)
      .map((how) => `${promise.id}: ${how}`),
  )
