import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import type { InstalledBy } from '../cilium-release.ts'
import { about } from './finding.ts'
import { installerReady } from './installer-ready.ts'

/** What cannot be uninstalled the way it was installed would be there again, or half gone. */
export function ciliumRemovable(facts: Facts, install: InstalledBy): Finding[] {
  const { chart, daemonSet } = facts.kube.cilium
  const here = about('Cilium can be uninstalled')
  if (chart) {
    return [
      ...installerReady(facts, install),
      here.warns(
        "policies of Cilium's own kinds stay as objects, and nobody enforces them any more",
        'see which there are: kubectl get ciliumnetworkpolicies,ciliumclusterwidenetworkpolicies -A; what has to hold needs a NetworkPolicy',
      ),
    ]
  }
  if (!daemonSet) return [here.fine('it is uninstalled already')]
  return [
    here.blocks(
      'its DaemonSet is there, but neither a HelmChart object nor a release of helm named kube-system/cilium',
      'uninstall it the way it was installed, then plan again',
    ),
  ]
}
