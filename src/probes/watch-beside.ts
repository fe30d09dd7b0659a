import type { Facts } from '../facts/facts.ts'
import { watchChurn } from './churn.ts'
import type { Churn, Evidence } from './evidence.ts'
import type { GatherOptions } from './gather.ts'
import { watchSignals } from './node-signals.ts'
import { type RejectProgress, sampleRejects } from './reject-sampler.ts'

type Beside = Pick<Evidence, 'rejects' | 'churn' | 'signals' | 'notMeasured'>

/** All that is watched beside the connections, which only reads. `done`: when the time is over or the signal came. */
export function watchBeside(
  { nodes, kube, clock, durationMs }: GatherOptions,
  signal: AbortSignal,
  facts: Facts,
  { look, onChurn }: { look(): Promise<Facts['kube']['pods']>; onChurn(churn: Churn): void },
): { counts(): { rejects: number; reconciles: number; churn: number }; done: Promise<Beside> } {
  const seen = new Map<string, RejectProgress>()
  let churned = 0
  const times = { clock, durationMs, signal }
  let pods: Promise<Facts['kube']['pods']> | undefined
  const once = () => {
    pods ??= look()
    return pods
  }

  async function watch(): Promise<Beside> {
    const [rejects, { churn, problem }, signals] = await Promise.all([
      Promise.all(
        nodes.names.map((name) =>
          sampleRejects(nodes.get(name), { ...times, onSample: (progress) => seen.set(name, progress) }),
        ),
      ),
      watchChurn(kube, {
        ...times,
        onChurn: (churn) => {
          churned++
          onChurn(churn)
        },
      }),
      Promise.all(
        nodes.names.map(async (name) => {
          const address = facts.nodes[name]?.address ?? name
          return [name, await watchSignals(nodes.get(name), { ...times, address, pods: once })] as const
        }),
      ),
    ])
    return {
      rejects,
      churn,
      signals: Object.fromEntries(signals),
      notMeasured: [
        ...rejects.flatMap((one) => (one.problem === null ? [] : [`rejects on ${one.node}: ${one.problem}`])),
        ...(problem === null ? [] : [`changes in the API: ${problem}`]),
        ...signals.flatMap(([, one]) => one.problems),
      ],
    }
  }

  return {
    counts() {
      const all = [...seen.values()]
      return {
        rejects: all.reduce((sum, one) => sum + one.rejects, 0),
        reconciles: all.reduce((sum, one) => sum + one.reconciles, 0),
        churn: churned,
      }
    },
    done: watch(),
  }
}
