import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { inNetwork } from '../../facts/in-network.ts'

/** Cilium runs and carries nothing yet: nothing of it may have changed what pods see (cilium.md §1.2: 0/N managed). */
export function ciliumBeside(facts: Facts, podCidr: string): Finding[] {
  const moved = facts.kube.pods.filter((pod) => !pod.hostNetwork && inNetwork(pod.ip, podCidr))
  return [
    moved.length === 0
      ? { level: 'fine', title: 'Cilium carries no pod yet', detail: `0 of ${facts.kube.pods.length}` }
      : {
          level: 'blocks',
          title: 'Cilium carries no pod yet',
          detail: `${moved.map((pod) => `${pod.namespace}/${pod.name}`).join(', ')} already have addresses of ${podCidr}`,
          fix: 'a CNI configuration of Cilium is in the directory that K3s uses: look at /var/lib/rancher/k3s/agent/etc/cni/net.d',
        },
  ]
}
