import jstat from 'jstat'
import { sum } from './blocks.ts'

const { gamma, studentt } = jstat.jStat

const hourMs = 3_600_000

/** Events per hour with their 95 % confidence interval. */
export interface Rate {
  count: number
  durationMs: number
  perHour: number
  interval: readonly [number, number]
  /** Variance over mean of the counts: 1 for events that do not depend on each other, more when they come in bursts. */
  dispersion: number
}

/**
 * Of events counted in consecutive parts of equal length: Garwood's exact interval (Biometrika 28, 1936), for as many events
 * as are worth it when they come in bursts (quasi-Poisson), and wider when the parts are few. One part shows no bursts.
 * @param least dispersion that is known from elsewhere: no events show none
 */
export function rateOfParts(counts: readonly number[], partMs: number, least = 1): Rate {
  const count = sum(counts)
  const mean = count / counts.length
  const degrees = counts.length - 1
  const seen = degrees < 1 || count === 0 ? 1 : sum(counts.map((one) => (one - mean) ** 2)) / degrees / mean
  const widening = degrees < 1 || seen <= 1 ? 1 : (studentt.inv(0.975, degrees) / 1.959_964) ** 2
  const dispersion = Math.max(1, least, seen)
  const worth = dispersion * widening
  const low = count === 0 ? 0 : gamma.inv(0.025, count / worth, 1) * worth
  const high = gamma.inv(0.975, count / worth + 1, 1) * worth
  const durationMs = counts.length * partMs
  const hours = durationMs / hourMs
  return { count, durationMs, perHour: count / hours, interval: [low / hours, high / hours], dispersion }
}
