import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import type { Inventory } from '../../inventory/schema.ts'
import { about, orFine, some } from './finding.ts'

/** Storage whose servers are pods: their addresses change under those who use them (cilium.md §7.9). */
const inPods: Readonly<Record<string, string>> = {
  'driver.longhorn.io':
    'Longhorn: engines and replicas know each other by pod addresses; volumes that are attached turn faulted or read-only',
  'cstor.csi.openebs.io': 'OpenEBS: its targets are pods',
  'io.openebs.csi-mayastor': 'OpenEBS Mayastor: its targets are pods',
}

const isCeph = (kind: string) => /\.(rbd|cephfs)\.csi\.ceph\.com$/.test(kind)

export function volumesSafe(facts: Facts, { cilium }: Inventory): Finding[] {
  const title = 'storage stays whole while its pods are recreated'
  if (facts.obstacles === undefined)
    return [about(title).unsure('volumes were not looked at when these facts were read', 'read the facts anew')]
  const { volumes, unread } = facts.obstacles
  if (unread.PersistentVolume !== undefined)
    return [about(title).unsure(`volumes could not be read: ${unread.PersistentVolume}`, 'kubectl get pv')]
  const found = [...Map.groupBy(volumes, ({ kind }) => kind)].flatMap(([kind, those]) => {
    const claims = some(those.map(({ claim, name }) => claim ?? name))
    const why =
      inPods[kind] ??
      (isCeph(kind) ? 'Ceph: monitors and OSDs in this cluster are pods, unless they use the host network' : undefined)
    if (why !== undefined)
      return [
        about(title).warns(`${why}: ${claims}`, 'scale the workloads that use them to 0 first, and take a backup'),
      ]
    return kind === 'nfs' && cilium.kubeProxyReplacement
      ? [
          about(title).warns(
            `NFS and Cilium in kube-proxy's place: the kernel's client hangs on some kernels when the server is a Service (cilium#21541): ${claims}`,
            'leave cilium.kubeProxyReplacement false while you migrate',
          ),
        ]
      : []
  })
  return orFine(
    found,
    title,
    volumes.length === 0
      ? 'no PersistentVolumes'
      : `${volumes.length} volumes, none served by pods that are known for trouble`,
  )
}
