import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { ciliumAbsent } from '../cilium-absent.ts'
import { missingOnFlannel } from '../pods-on-flannel.ts'
import { about } from './finding.ts'

/** Per node: flannel's tunnel up, every pod's sandbox made by flannel, nothing of Cilium left. */
export function podsOnFlannel(facts: Facts): Finding[] {
  return Object.values(facts.nodes).flatMap(({ name, network }) => {
    const tunnel = about("flannel's tunnel is up", name)
    const pods = about('every pod is on flannel', name)
    const rest = about('nothing of Cilium is left', name)
    const isUp = network.links.some((link) => link.name === 'flannel.1' && link.up)
    const missing = missingOnFlannel(facts, name, [])
    const left = ciliumAbsent.diff(facts, name, undefined)
    return [
      isUp ? tunnel.fine('flannel.1') : tunnel.blocks('flannel.1 is not there, or DOWN', 'look at its journal of K3s'),
      missing === null ? pods.fine('yes') : pods.blocks(missing, 'look at their events'),
      left === null
        ? rest.fine('proved by listing')
        : rest.blocks(ciliumAbsent.render(left).summary, 'migrate plan shows what is left to do'),
    ]
  })
}
