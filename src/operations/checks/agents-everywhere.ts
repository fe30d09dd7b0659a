import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { about } from './finding.ts'

/** Cilium's agents are meant to run on every node: one that has none keeps the routes it has. */
export function agentsEverywhere({ kube, nodes }: Facts): Finding[] {
  const here = about('Cilium has an agent for every node')
  const [desired, wanted] = [kube.cilium.daemonSet?.desired ?? 0, Object.keys(nodes).length]
  if (desired >= wanted) return [here.fine(`${desired}`)]
  return [
    here.blocks(
      `its DaemonSet wants ${desired}, there are ${wanted} nodes`,
      'see which node its nodeSelector or tolerations leave out: kubectl -n kube-system get pods -o wide -l k8s-app=cilium',
    ),
  ]
}
