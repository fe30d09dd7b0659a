import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import type { End } from '../../probes/policy-verdict.ts'
import { matches, policyVerdict } from '../../probes/policy-verdict.ts'
import { about, orFine, some } from './finding.ts'

/** What is written while pods move: by the run itself, by Cilium, by the controllers. */
const written = new Set([
  '*',
  '*/*',
  'pods',
  'pods/*',
  'pods/status',
  'nodes',
  'leases',
  'cronjobs',
  'jobs',
  'daemonsets',
  'deployments',
  'helmcharts',
  'endpoints',
  'endpointslices',
  'configmaps',
  'secrets',
  'ciliumnodes',
  'ciliumendpoints',
  'ciliumidentities',
])

/**
 * Webhooks that fail closed and whose pods are in the cluster: while they are recreated, what they are asked about is refused.
 * And the API server calls them from another node, which a policy's range no longer matches under Cilium.
 */
export function webhooksReachable(facts: Facts): Finding[] {
  const title = 'admission webhooks will be reached'
  if (facts.obstacles === undefined)
    return [about(title).unsure('they were not looked at when these facts were read', 'read the facts anew')]
  const unread = Object.entries(facts.obstacles.unread).find(([kind]) => kind.endsWith('WebhookConfiguration'))
  if (unread)
    return [
      about(title).unsure(
        `they could not be read: ${unread[1]}`,
        'kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations',
      ),
    ]
  const { webhooks } = facts.obstacles
  const found = webhooks.flatMap(({ configuration, name, service, resources }) => {
    if (service === null) return []
    const pods = podsOf(facts, service)
    const behind = `${configuration} (${name}) fails closed and is served by ${service.namespace}/${service.name}`
    const shut = pods.filter((pod) => closes(facts, pod))
    if (shut.length > 0)
      return [
        about(title).blocks(
          `${behind}; by its policies the API servers of other nodes reach it today and will not under Cilium: ${some(shut.map((pod) => pod.name))}`,
          'let it in from everywhere on that port (no "from"), or set its failurePolicy to Ignore until the move is done',
        ),
      ]
    const asked = resources.filter((resource) => written.has(resource))
    if (asked.length === 0 || (pods.length > 0 && pods.every((pod) => pod.hostNetwork))) return []
    return [
      about(title).warns(
        `${behind}: while its pods are recreated, changes of ${some(asked)} are refused${pods.length === 0 ? '; no pod of it runs' : ''}`,
        'run two replicas on different nodes, or set its failurePolicy to Ignore until the move is done',
      ),
    ]
  })
  return orFine(
    found,
    title,
    webhooks.length === 0
      ? 'none fails closed'
      : `${webhooks.length} fail closed, none is asked about what will change`,
  )
}

function podsOf(facts: Facts, service: { namespace: string; name: string }) {
  const selector = facts.kube.services.find(
    (one) => one.namespace === service.namespace && one.name === service.name,
  )?.selector
  if (selector === undefined || Object.keys(selector).length === 0) return []
  return facts.kube.pods.filter(
    (pod) =>
      pod.namespace === service.namespace && matches({ matchLabels: selector, matchExpressions: [] }, pod.labels),
  )
}

/** Whether some server other than the pod's own node loses it. */
function closes(facts: Facts, pod: Facts['kube']['pods'][number]): boolean {
  const servers = facts.kube.nodes.filter(({ name }) => facts.nodes[name]?.unit.role === 'server' && name !== pod.node)
  return servers.some(({ name, internalIp }) =>
    pod.ports.some((port) => {
      const from: End = { kind: 'node', name, addresses: [internalIp] }
      const flow = { from, to: { kind: 'pod', pod }, port, protocol: 'TCP' } as const
      return (
        policyVerdict(facts.kube, flow).allowed !== false && policyVerdict(facts.kube, flow, 'cilium').allowed === false
      )
    }),
  )
}
