import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from './model.ts'

/** The real one. Times are wall-clock, because they are compared with those of other runs and machines. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  sleep: (ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }),
}
