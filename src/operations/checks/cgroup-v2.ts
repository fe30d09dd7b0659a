import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import type { Inventory } from '../../inventory/schema.ts'
import { onEachNode } from './finding.ts'

/** Cilium mounts cgroup v2 for itself; what counts is that the kernel has it. kube-proxy's replacement hangs on it. */
export function cgroupV2(facts: Facts, { cilium }: Inventory): Finding[] {
  return onEachNode(facts, 'kernel', 'cgroup v2 is there', ({ filesystems, mounts }, here) => {
    if (!filesystems.includes('cgroup2'))
      return here.blocks('the kernel does not know it', 'use a kernel with cgroup v2 (4.5 or later)')
    const path = mounts.find(({ type }) => type === 'cgroup2')?.path
    if (path === '/sys/fs/cgroup') return here.fine(path)
    const hybrid = `it is ${path === undefined ? 'not mounted' : `at ${path}, beside version 1`}`
    return cilium.kubeProxyReplacement
      ? here.warns(
          `${hybrid}: Services for the host's own processes need it`,
          'boot with systemd.unified_cgroup_hierarchy=1',
        )
      : here.fine(`${hybrid}; Cilium mounts its own`)
  })
}
