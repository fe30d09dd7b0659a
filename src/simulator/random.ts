/** Where a seed's randomness stands. One number, so that it is copied with everything else. */
export interface RandomState {
  random: number
}

/** mulberry32: a number from 0 to below 1. Everything that chance decides in a simulation comes from here. */
export function nextRandom(state: RandomState): number {
  state.random = (state.random + 0x6d2b79f5) | 0
  let mixed = Math.imul(state.random ^ (state.random >>> 15), 1 | state.random)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
}

/** A whole number from `from` to `to`, both included. */
export const between = (state: RandomState, from: number, to: number): number =>
  from + Math.floor(nextRandom(state) * (to - from + 1))

export function oneOf<T>(state: RandomState, list: readonly [T, ...T[]]): T {
  return list[between(state, 0, list.length - 1)] ?? list[0]
}
