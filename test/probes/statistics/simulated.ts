/** Chance that is the same at every run (mulberry32): a simulation must not fail by bad luck. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A series whose tries hit with this share, in bursts of this mean length (1: independent of each other). */
export function bursty(random: () => number, tries: number, share: number, meanLength: number): boolean[] {
  if (meanLength === 1) return Array.from({ length: tries }, () => random() < share)
  const start = share / meanLength / (1 - share)
  let hit = random() < share
  return Array.from({ length: tries }, () => {
    const now = hit
    hit = hit ? random() >= 1 / meanLength : random() < start
    return now
  })
}

/** Events of a Poisson process: how many fall into a part where `mean` are expected. */
export function poisson(random: () => number, mean: number): number {
  let count = -1
  for (let product = 1; product > Math.exp(-mean); product *= random()) count++
  return count
}
