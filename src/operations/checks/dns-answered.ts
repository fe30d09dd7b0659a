import type { Finding } from '../../engine/model.ts'
import type { Tried } from '../../probes/probe-state.ts'
import { shownList } from './shown-list.ts'

/**
 * Pods of every namespace get an answer from the cluster's DNS.
 * @param answeredBefore namespaces that did before the migration; null: nobody knows
 */
export function dnsAnswered(
  tried: readonly Pick<Tried, 'from' | 'outcomes' | 'allowed'>[],
  answeredBefore: ReadonlySet<string> | null,
): Finding[] {
  const title = 'the cluster DNS answers to pods of every namespace'
  if (tried.length === 0) return [{ level: 'unknown', title, detail: 'there is no pod or no kube-dns to try it with' }]
  const byNamespace = Map.groupBy(tried, ({ from }) => from.split('/')[0] ?? '')
  const findings = [...byNamespace].flatMap(([namespace, pods]): Finding[] => {
    const silent = pods.filter(({ outcomes }) => outcomes.at(-1) !== 'ok')
    if (silent.length === 0) return []
    const which = shownList(silent.map(({ from, outcomes }) => `${from} (${outcomes.at(-1)})`))
    const denied = silent.every(({ allowed }) => !allowed)
    const detail = `no answer to ${silent.length} of ${pods.length} pods of ${namespace}: ${which}`
    if (!denied) {
      return [
        {
          level: 'blocks',
          title,
          detail: `${detail}. The policies allow it`,
          fix: `look whether all pods of ${namespace} are concerned or those of one node, and what is dropped there (cilium-dbg monitor --type drop)`,
        },
      ]
    }
    const worked = answeredBefore?.has(namespace) ?? false
    return [
      {
        level: worked ? 'blocks' : 'warns',
        title,
        detail: `${detail}. The egress policies of ${namespace} deny it${worked ? ', and it worked before' : ''}`,
        fix: `where that is not meant: allow UDP and TCP port 53 to kube-system in an egress policy of ${namespace}`,
      },
    ]
  })
  if (findings.length > 0) return findings
  return [
    { level: 'fine', title, detail: `${tried.length} pods of ${byNamespace.size} namespaces asked and were answered` },
  ]
}
