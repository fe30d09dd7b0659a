import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { flannelAbsent } from '../flannel-absent.ts'
import { netfilterPurged, purgeOf } from '../netfilter-purged.ts'

/** Nothing of kube-router and flannel, or of our own, is left in any rule set, set, link, route or file of any node. */
export function leftoversGone(facts: Facts): Finding[] {
  return Object.values(facts.nodes).map((node): Finding => {
    const rules = (['kube-router', 'flannel', 'cni-migrate'] as const).flatMap((owner) => {
      const left = purgeOf(node, owner)
      return left ? [netfilterPurged.render(left).summary] : []
    })
    const rest = flannelAbsent.diff(facts, node.name, undefined)
    const left = [...rules, ...(rest ? [flannelAbsent.render(rest).summary] : [])]
    const title = 'nothing of flannel and kube-router is left'
    if (left.length === 0) return { level: 'fine', title, target: node.name, detail: 'proved by listing' }
    return {
      level: 'blocks',
      title,
      target: node.name,
      detail: left.join('; '),
      fix: 'migrate plan shows what is left to do',
    }
  })
}
