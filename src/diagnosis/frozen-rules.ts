import { kubeRouter } from '../netfilter/kube-router.ts'
import { policyControllerIsOff } from './cni-in-use.ts'
import { confidenceOf, point } from './confidence.ts'
import { type Rule, silent } from './diagnosis.ts'
import { nodesWithRules, rulesByNode, sumOf } from './owned-rules.ts'

const title = 'policies of a controller that is off are still enforced, frozen as they were'

/** k3s#7244: with disable-network-policy nothing removes kube-router's rules. They go on matching, by address. */
export const frozenRules: Rule = {
  id: 'frozen-rules',
  title,
  judge(evidence) {
    const { facts, rejects } = evidence
    if (!policyControllerIsOff(facts)) return silent
    // A node whose chains change has a controller that was not restarted since: nothing is frozen there.
    const alive = new Set(rejects.filter(({ reconcilesMs }) => reconcilesMs.length > 0).map(({ node }) => node))
    const found = nodesWithRules(facts, kubeRouter).filter(({ node }) => !alive.has(node.name))
    if (found.length === 0) return silent
    const sampled = rejects.filter(
      ({ node, problem }) => problem === null && found.some((one) => one.node.name === node),
    )
    const points = [
      point('every server has the policy controller off', true, 'disable-network-policy: true'),
      point('rules of kube-router stand', true, rulesByNode(found)),
      point(
        'nobody writes them anew',
        sampled.length === found.length ? true : undefined,
        sampled.length === found.length ? 'no reconcile while this was watched' : 'not watched on each of these nodes',
      ),
    ]
    return {
      diagnosis: {
        rule: 'frozen-rules',
        title,
        what: 'K3s removes nothing when its policy controller is switched off. The chains and sets stay as they were: new pods are refused by old sets, and an address that is used again inherits the policy of a pod that is gone.',
        where: found.map(({ node }) => `node ${node.name}`),
        sinceMs: null,
        confidence: confidenceOf(points, true) ?? 'possible',
        figures: [
          { what: 'rules of kube-router', value: sumOf(found), unit: 'rules' },
          { what: 'nodes that have them', value: found.length, unit: 'count' },
        ],
        points,
        disproof: 'names of KUBE-POD-FW chains that change after a pod was made on the node',
        advice: [
          {
            text: 'Have exactly these rules and sets removed, jumps first, in one transaction for each table: it is a step of the plan.',
            command: 'migrate plan',
            warning:
              'a clean-up by `grep -v KUBE-ROUTER` leaves chains and sets, one by `grep -v KUBE-` breaks kube-proxy',
          },
        ],
        source: 'k3s#7244; K3s documentation, networking services',
      },
      notMeasured: [],
    }
  },
}
