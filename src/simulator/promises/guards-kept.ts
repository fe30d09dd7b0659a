import { guardMs } from '../../operations/under-guard.ts'
import type { EnginePromise } from './promise.ts'

/** P6. Agents that are installed cut nodes off; what an agent does that nobody has just installed is not our doing. */
export const guardsKept: EnginePromise = {
  id: 'P6',
  says: "no node stays unreachable through our doing for longer than its guard's time",
  broken({ simulation: { state } }) {
    return Object.values(state.nodes).flatMap(({ name, cutOffs }) =>
      cutOffs
        .map(({ fromMs, toMs }) => (toMs ?? Number.POSITIVE_INFINITY) - fromMs)
        .filter((lastedMs) => lastedMs > guardMs)
        .map((lastedMs) => `${name} was cut off for ${lastedMs / 1000} s`),
    )
  },
}
