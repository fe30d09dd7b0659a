import type { Diagnosis, Point } from './diagnosis.ts'

/**
 * How sure a rule may be, by the points that its cause would make hold. What is unknown never counts as true.
 * certain: each holds, and some was measured directly, not inferred. likely: two of three hold. possible: half do.
 * @param measured something was seen that only this cause makes: a counter, a rule as it stands
 * @returns null: fewer hold than that, so it is not said
 */
export function confidenceOf(points: readonly Point[], measured: boolean): Diagnosis['confidence'] | null {
  const held = points.filter(({ holds }) => holds === 'true').length
  if (held === 0) return null
  if (held === points.length && measured) return 'certain'
  if (held * 3 >= points.length * 2) return 'likely'
  return held * 2 >= points.length ? 'possible' : null
}

/** A point by a measured yes or no; undefined: it could not be told. */
export const point = (claim: string, holds: boolean | undefined, figure: string): Point => ({
  claim,
  holds: holds === undefined ? 'unknown' : holds ? 'true' : 'false',
  figure,
})
