import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { about } from './finding.ts'

/** While flannel runs K3s has directories of its own, which moved between releases (k3s-kube-router.md §3.5); a chart knows only one. */
export function cniDirsAgree(facts: Facts): Finding[] {
  const here = about('containerd looks for CNI in the same place on every node')
  const places = Object.values(facts.nodes).map(({ name, k3s: { cni } }) => ({
    name,
    place: `${cni.confDir} and ${cni.binDir}`,
  }))
  const [first] = places
  const others = places.filter(({ place }) => place !== first?.place)
  if (others.length === 0) return [here.fine(first?.place ?? '')]
  return [
    here.blocks(
      places.map(({ name, place }) => `${name}: ${place}`).join('; '),
      'bring every node to one release of K3s first; or --runbook k3s-flannel-to-cilium, which does not need it',
    ),
  ]
}
