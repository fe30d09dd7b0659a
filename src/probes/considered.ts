import type { Facts } from '../facts/facts.ts'
import { type KubePod, podName } from './pairs.ts'
import { policiesOf } from './policy-verdict.ts'
import { varied } from './varied.ts'

/** So many at most, so that choosing stays quick on a large cluster. */
const podsConsidered = 40
/** Names that are listed of what was left out. */
const namesShown = 5

/** What a pod stands for: where it runs, whose it is, and which policies select it together. */
interface Standing {
  pod: KubePod
  id: string
  policies: string[]
  traits: string[]
}

function standings(pods: readonly KubePod[], { kube }: Facts): Standing[] {
  const byNamespace = Map.groupBy(kube.policies, ({ namespace }) => namespace)
  return pods.map((pod) => {
    const own = byNamespace.get(pod.namespace) ?? []
    const selecting = new Set([...policiesOf(own, pod, 'Ingress'), ...policiesOf(own, pod, 'Egress')])
    const policies = [...selecting].map(podName).sort()
    const traits = [
      `${pod.namespace} on ${pod.node}`,
      pod.namespace,
      `${pod.node}`,
      `selected by ${policies.join(' ')}`,
    ]
    return { pod, id: podName(pod), policies, traits }
  })
}

/** At most so many pods, of as many different nodes, namespaces and sets of policies that select them as there are. */
export function considered(pods: readonly KubePod[], facts: Facts): KubePod[] {
  return varied(standings(pods, facts), podsConsidered).map(({ pod }) => pod)
}

/** In words, which nodes, namespaces and policies no considered pod stands for; none: all are considered. */
export function notConsidered(pods: readonly KubePod[], facts: Facts): string[] {
  const all = standings(pods, facts)
  const chosen = varied(all, podsConsidered)
  if (chosen.length === all.length) return []
  const missing = (what: string, of: (one: Standing) => readonly string[]) => {
    const met = new Set(chosen.flatMap(of))
    const every = new Set(all.flatMap(of))
    const names = [...every].filter((name) => !met.has(name)).sort()
    if (names.length === 0) return []
    const listed = names.slice(0, namesShown).join(', ')
    const rest = names.length > namesShown ? ` and ${names.length - namesShown} more` : ''
    return [`${names.length} of ${every.size} ${what} (${listed}${rest})`]
  }
  const left = [
    ...missing('nodes', ({ pod }) => [`${pod.node}`]),
    ...missing('namespaces', ({ pod }) => [pod.namespace]),
    ...missing('policies', ({ policies }) => policies),
  ]
  const without = left.length === 0 ? '' : `; none of them for ${left.join(', ')}`
  return [`${chosen.length} of ${all.length} pods stand for all as sources of connections${without}`]
}
