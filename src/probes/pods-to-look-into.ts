import { isIP } from 'node:net'
import type { Facts } from '../facts/facts.ts'
import type { Series } from './evidence.ts'
import { type KubePod, podName } from './pairs.ts'
import { compare } from './varied.ts'

/** On each node: pods whose own connections fail, and as many that do not, to compare them with. */
const failingPods = 3
const soundPods = 1
const destinations = 3

/**
 * Whose network namespaces are worth a closer look, by the connections seen so far: those that fail more often than others
 * although no policy denies it, and where to they go. Nothing failed: a pod a node stands for all.
 */
export function podsToLookInto(series: readonly Series[], facts: Facts): { pods: KubePod[]; destinations: string[] } {
  const pods = new Map(facts.kube.pods.map((pod) => [podName(pod), pod]))
  const tried = series.filter(
    ({ from, allowed, attempts }) => allowed !== false && pods.has(from) && attempts.length > 0,
  )
  const worst = (list: readonly Series[]) => Math.max(0, ...list.map(shareFailed))
  const byNode = Map.groupBy(tried, ({ fromNode }) => fromNode)
  const chosen = [...byNode].flatMap(([, list]) => {
    const sources = [...Map.groupBy(list, ({ from }) => from)]
      .map(([from, own]) => ({ from, share: worst(own) }))
      .toSorted((a, b) => b.share - a.share || compare(a.from, b.from))
    const failing = sources.filter(({ share }) => share > 0).slice(0, failingPods)
    const sound = sources.filter(({ share }) => share === 0).slice(0, soundPods)
    return [...failing, ...sound]
  })
  const names = new Set(chosen.map(({ from }) => from))
  const addresses = tried
    .filter(({ from, address }) => names.has(from) && isIP(address) !== 0)
    .toSorted((a, b) => shareFailed(b) - shareFailed(a) || compare(a.id, b.id))
    .map(({ address }) => address)
  return {
    pods: chosen.flatMap(({ from }) => pods.get(from) ?? []),
    destinations: [...new Set(addresses)].slice(0, destinations),
  }
}

const shareFailed = ({ attempts }: Series) =>
  attempts.filter(([, , outcome]) => outcome !== 'ok').length / attempts.length
