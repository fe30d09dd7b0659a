import type { Facts } from '../facts/facts.ts'
import type { Series } from './evidence.ts'
import type { MatrixPair } from './matrix-candidates.ts'
import type { Target } from './pairs.ts'
import type { SeenOnNode } from './watch-connections.ts'

/** Puts attempts to their pairs, by the operator's clock. */
export function seenAttempts(matrix: readonly MatrixPair[], facts: Facts) {
  const attempts = new Map<string, Series['attempts']>(matrix.map(({ id }) => [id, []]))
  const addresses = new Map<string, string>()
  const denied = new Set(matrix.filter(({ allowed }) => allowed === false).map(({ id }) => id))
  const counts = { attempts: 0, failures: 0 }
  const absent = new Set<string>()
  let broken = 0
  return {
    counts,
    located(targets: ReadonlyMap<string, readonly Target[]>) {
      for (const { id, address } of [...targets.values()].flat()) addresses.set(id, address)
    },
    /** Whether a source is not where it was. */
    add(seen: readonly SeenOnNode[]): boolean {
      let away = false
      for (const one of seen) {
        const offsetMs = facts.nodes[one.node]?.host.clockOffsetMs ?? 0
        broken += one.broken
        for (const { id, atMs, durationMs, outcome, firstByteMs } of one.attempts) {
          // Nothing was tried: its source was not there.
          if (outcome === 'no-netns') {
            away = true
            absent.add(id)
            continue
          }
          attempts.get(id)?.push([atMs - offsetMs, durationMs, outcome, firstByteMs])
          counts.attempts++
          if (outcome !== 'ok' && !denied.has(id)) counts.failures++
        }
      }
      return away
    },
    series(seenAs: ReadonlyMap<string, string>): Series[] {
      return matrix.flatMap((one) => {
        const address = addresses.get(one.id)
        if (address === undefined) return []
        const list = (attempts.get(one.id) ?? []).toSorted(([a], [b]) => a - b)
        return [{ ...one, address, attempts: list, sourceSeen: seenAs.get(one.id) ?? null }]
      })
    },
    problems(): string[] {
      const lost = matrix.filter(({ id }) => !addresses.has(id)).map(({ id }) => id)
      return [
        ...(lost.length === 0 ? [] : [`${lost.join(', ')}: not probed, for an end of it could not be found`]),
        ...(absent.size === 0 ? [] : [`${[...absent].join(', ')}: not probed for as long as the source was not there`]),
        ...(broken === 0 ? [] : [`${broken} lines of the prober could not be read`]),
      ]
    },
  }
}
