import type { Facts } from '../../facts/facts.ts'
import type { OutageProbe } from '../../operations/outage-probe.ts'
import { choosePairs } from '../../probes/choose-pairs.ts'
import { forgetProbe, probeContinuously, stopProbe } from '../../probes/continuous.ts'
import { locate, type Pair, pair } from '../../probes/pairs.ts'
import { measure } from '../../probes/reachability.ts'
import type { Disk } from './disk.ts'
import type { OperatorProcess } from './process.ts'

const pairsFile = 'probe/pairs.json'

/** As probes/outage-probe.ts, with its notes on the simulated disk and nothing measured: only what it leaves on nodes counts here. */
export function simulatedProbe(
  process: OperatorProcess,
  disk: Disk,
  names: readonly string[],
  look: () => Promise<Facts>,
): OutageProbe {
  const { nodes } = process
  const known = (): Pair[] | null => {
    const text = disk.files[pairsFile]?.text
    return text === undefined ? null : (JSON.parse(text) as Pair[])
  }
  const point = async (run: string, pairs: readonly Pair[], facts: Facts) => {
    const targets = locate(pairs, facts)
    await Promise.all(names.map((name) => probeContinuously(nodes.get(name), run, targets.get(name) ?? [])))
  }
  return {
    async start(run, facts) {
      const chosen = choosePairs(facts, [], 0.5)
      const working = async () => {
        const tried = await measure({ ...nodes, names }, chosen, facts)
        const ids = new Set(
          tried.filter(({ outcome }) => outcome === 'ok').map((one) => pair(one.from, one.to, one.port).id),
        )
        return chosen.filter(({ id }) => ids.has(id))
      }
      const pairs = known() ?? (await working())
      await process.act(() => {
        disk.files[pairsFile] = { text: JSON.stringify(pairs), synced: true }
      })
      await point(run, pairs, facts)
    },
    async follow(run) {
      const pairs = known()
      if (pairs) await point(run, pairs, await look())
    },
    async stop(run) {
      const stopped = await Promise.allSettled(
        names.map(async (name) => {
          await stopProbe(nodes.get(name), run)
          await forgetProbe(nodes.get(name), run)
        }),
      )
      for (const one of stopped) if (one.status === 'rejected') throw one.reason
    },
  }
}
