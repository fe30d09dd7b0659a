import { foreignChanged } from '../foreign.ts'
import type { EnginePromise } from './promise.ts'

/** P3. After every command that writes, and at the end. */
export const foreignKept: EnginePromise = {
  id: 'P3',
  says: 'what kube-router and flannel did not make is left exactly as it was, in its place',
  broken({ trace, simulation }) {
    const during = trace.flatMap((entry) =>
      entry.kind === 'wrote' && entry.foreign !== null ? [`after ${entry.what}: ${entry.foreign}`] : [],
    )
    const atEnd = Object.values(simulation.state.nodes).flatMap((node) => foreignChanged(simulation.origin, node) ?? [])
    return [...during.slice(0, 1), ...atEnd]
  },
}
