import jstat from 'jstat'
import { type Block, sum } from './blocks.ts'

const { beta, studentt } = jstat.jStat

/** A share of tries, 0 to 1, with its 95 % confidence interval. */
export interface Proportion {
  hits: number
  tries: number
  share: number
  interval: readonly [number, number]
  /** How many independent tries tell as much: fewer than `tries` when hits come in bursts. */
  effectiveTries: number
}

/** For tries that do not depend on each other: Clopper and Pearson's exact interval (Biometrika 26, 1934). */
export function proportion(hits: number, tries: number): Proportion {
  return interval(hits, tries, tries)
}

/**
 * For tries one after the other, which hit in bursts: the exact interval for as many tries as are worth it, by how much the
 * blocks differ among themselves (Korn and Graubard, Survey Methodology 24, 1998). Where all hit, or none, nothing shows it.
 * @param triesAsOne then so many tries count as one: as in another series, of which more is known. Absent: a whole block.
 */
export function proportionOfBlocks(blocks: readonly Block[], triesAsOne?: number): Proportion {
  const hits = sum(blocks.map((block) => block.hits))
  const tries = sum(blocks.map((block) => block.tries))
  const count = blocks.length
  if (count === tries) return proportion(hits, tries)
  if (count < 2) return interval(hits, tries, 1)
  const share = hits / tries
  if (isConstant({ hits, tries })) return interval(hits, tries, triesAsOne === undefined ? count : tries / triesAsOne)
  const variance =
    ((count / (count - 1)) * sum(blocks.map((block) => (block.hits - share * block.tries) ** 2))) / tries ** 2
  const byVariance = variance === 0 ? tries : (share * (1 - share)) / variance
  // The variance is itself estimated, from few blocks: Student's t instead of the normal distribution.
  const adjustment = (t(tries - 1) / t(count - 1)) ** 2
  return interval(hits, tries, Math.min(tries, byVariance * adjustment))
}

/** The shares of two periods; one of them in which nothing happened borrows from the other how long bursts are. */
export function bothProportions(one: readonly Block[], other: readonly Block[]): [Proportion, Proportion] {
  const [a, b] = [proportionOfBlocks(one), proportionOfBlocks(other)]
  const asOne = ({ tries, effectiveTries }: Proportion) => Math.max(1, tries / effectiveTries)
  if (isConstant(a) === isConstant(b)) return [a, b]
  return isConstant(a) ? [proportionOfBlocks(one, asOne(b)), b] : [a, proportionOfBlocks(other, asOne(a))]
}

const isConstant = ({ hits, tries }: Block) => hits === 0 || hits === tries

const t = (degreesOfFreedom: number) => studentt.inv(0.975, degreesOfFreedom)

function interval(hits: number, tries: number, effectiveTries: number): Proportion {
  if (tries === 0) return { hits, tries, share: 0, interval: [0, 1], effectiveTries }
  const share = hits / tries
  const [x, n] = [share * effectiveTries, effectiveTries]
  const low = x <= 0 ? 0 : beta.inv(0.025, x, n - x + 1)
  const high = x >= n ? 1 : beta.inv(0.975, x + 1, n - x)
  return { hits, tries, share, interval: [low, high], effectiveTries }
}
