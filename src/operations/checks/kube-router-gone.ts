import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { netfilterPurged, purgeOf } from '../netfilter-purged.ts'
import { about } from './finding.ts'

/** Nothing of kube-router is in any rule set of any node; and nobody has written it again. */
export function kubeRouterGone(facts: Facts): Finding[] {
  return Object.values(facts.nodes).map((node) => {
    const here = about('nothing of kube-router is left', node.name)
    const left = purgeOf(node, 'kube-router')
    return left === null
      ? here.fine('proved by listing')
      : here.blocks(netfilterPurged.render(left).summary, 'somebody writes these rules: look for what runs kube-router')
  })
}
