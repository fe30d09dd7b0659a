import type { Facts } from '../facts/facts.ts'
import type { KubePod } from '../probes/pairs.ts'
import { ciliumIsOn, clusterCidrs, flannelIsOff, hasOtherCni, isIn } from './cni-in-use.ts'
import { confidenceOf, point } from './confidence.ts'
import { type Rule, silent } from './diagnosis.ts'

const title = 'pods are on the network of a CNI that is not in use'

/** A fresh pod's endpoint appears in the API a moment after the pod runs. */
const settledMs = 60_000

/** Whether Cilium has made a pod's network. */
function managed({ kube }: Facts, pod: KubePod): boolean {
  const ip = pod.ip ?? ''
  const ofNode = kube.nodes.flatMap(({ podCidr }) => podCidr ?? [])
  const { endpoints, nodes: ciliumNodes } = kube.cilium
  if (endpoints.some(({ namespace, name, ip: own }) => namespace === pod.namespace && name === pod.name && own === ip))
    return true
  // Where Cilium has a range of its own, an address in it is enough.
  const own = ciliumNodes.flatMap(({ podCidrs }) => podCidrs).filter((cidr) => !ofNode.includes(cidr))
  return isIn(ip, own)
}

/** A pod keeps the network it was made with until it is made again: nothing serves it any more, and the API shows it Ready. */
export const unmanagedPods: Rule = {
  id: 'unmanaged-pods',
  title,
  judge({ facts }) {
    if (!facts.kube.reachable) return { diagnosis: null, notMeasured: ['pods on no CNI: the API did not answer'] }
    // With flannel alone there is nothing that a pod could have been left behind by.
    if (!flannelIsOff(facts)) return silent
    if (hasOtherCni(facts) || !ciliumIsOn(facts))
      return {
        diagnosis: null,
        notMeasured: ['pods on no CNI: flannel is off, and what is in use instead is not known here'],
      }
    const pods = facts.kube.pods.filter(
      ({ phase, hostNetwork, ip }) => phase === 'Running' && !hostNetwork && ip !== null,
    )
    const nowMs = Date.parse(facts.readAt)
    const left = pods.filter((pod) => !managed(facts, pod) && nowMs - (pod.startedMs ?? 0) > settledMs)
    if (left.length === 0) return silent
    const inOld = left.filter(({ ip }) => isIn(ip ?? '', clusterCidrs(facts)))
    const bridged = Object.values(facts.nodes).filter(({ network }) =>
      network.links.some(({ kind, master }) => kind === 'veth' && master === 'cni0'),
    )
    const points = [
      point(
        'flannel is off and Cilium is there',
        true,
        `flannel-backend: none; ${facts.kube.cilium.nodes.length} nodes of Cilium`,
      ),
      point('pods run without an endpoint of Cilium, outside of its ranges', true, `${left.length} of ${pods.length}`),
      point(
        "their addresses are of flannel's range",
        inOld.length === left.length,
        `${inOld.length} of ${left.length}`,
      ),
      point(
        "links of pods are still on flannel's bridge",
        bridged.length > 0,
        bridged.map(({ name }) => name).join(', ') || 'none',
      ),
    ]
    return {
      diagnosis: {
        rule: 'unmanaged-pods',
        title,
        what: 'These pods were made before the CNI was changed. Their network is the old one: new pods do not reach them, policies do not apply to them, and the API shows them Running and Ready.',
        where: left.slice(0, 12).map(({ namespace, name, node }) => `${namespace}/${name} (${node ?? '-'})`),
        sinceMs: null,
        confidence: confidenceOf(points, true) ?? 'possible',
        figures: [{ what: `pods on no CNI in use, of ${pods.length}`, value: left.length, unit: 'count' }],
        points,
        disproof: 'an endpoint of Cilium for each of them: kubectl get ciliumendpoints -A',
        advice: [
          {
            text: 'Make them again; their controllers do.',
            warning: 'each is away for a moment; a pod without a controller does not come back',
            command: left
              .slice(0, 3)
              .map(({ namespace, name }) => `kubectl -n ${namespace} delete pod ${name}`)
              .join(' && '),
          },
        ],
        source: "Cilium's migration guide; measured: old pods stay Ready and nothing reaches them",
      },
      notMeasured: [],
    }
  },
}
