import type { NodeFacts } from '../facts/facts.ts'
import { flannel } from '../netfilter/flannel.ts'
import { clusterCidrs, flannelIsOff } from './cni-in-use.ts'
import { confidenceOf, point } from './confidence.ts'
import { type Rule, silent } from './diagnosis.ts'
import { nodesWithRules, rulesByNode, sumOf } from './owned-rules.ts'

const title = 'rules of flannel rewrite source addresses, and flannel is off'

const hasLinkUp = ({ network }: NodeFacts) => network.links.some(({ name, up }) => /^flannel[.-]/.test(name) && up)

/** FLANNEL-POSTRTG left behind: traffic between nodes arrives from a node's address, and policies see no pod in it. */
export const flannelLeftovers: Rule = {
  id: 'flannel-leftovers',
  title,
  judge({ facts }) {
    if (!flannelIsOff(facts)) return silent
    const found = nodesWithRules(facts, flannel(clusterCidrs(facts).join(',')))
    if (found.length === 0) return silent
    const points = [
      point('every server has flannel off', true, 'flannel-backend: none'),
      point('its rules stand', true, rulesByNode(found)),
    ]
    return {
      diagnosis: {
        rule: 'flannel-leftovers',
        title,
        what: 'FLANNEL-POSTRTG goes on masquerading what leaves its old range: the other node sees the address of a node where a pod sent. Policies by pod or namespace do not match it, which shows as drops only.',
        where: found.map(({ node }) => `node ${node.name}`),
        sinceMs: null,
        confidence: confidenceOf(points, true) ?? 'possible',
        figures: [
          { what: 'rules of flannel', value: sumOf(found), unit: 'rules' },
          {
            what: 'nodes with a link of flannel that is up',
            value: found.filter(({ node }) => hasLinkUp(node)).length,
            unit: 'count',
          },
        ],
        points,
        disproof: 'a pod on another node that sees the address of the pod that sent, not of its node',
        advice: [
          {
            text: 'Have them removed: it is a step of the plan.',
            command: 'migrate plan',
            warning: 'pods that are still on flannel need them to reach the outside',
          },
        ],
        source: 'tigera/docs PR#2768; flannel pkg/trafficmngr/iptables',
      },
      notMeasured: [],
    }
  },
}
