import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { onEachNode } from './finding.ts'

/** Strict reverse path filtering drops Cilium's paths; it writes 99-zzz-override_cilium.conf against it (cilium.md §3.5). */
export function rpFilter(facts: Facts): Finding[] {
  return onEachNode(facts, 'kernel', 'reverse path filtering will not drop packets', (kernel, here) => {
    if (kernel.lateRpFilter.length > 0)
      return here.blocks(
        `${kernel.lateRpFilter.join(', ')} is read after Cilium's 99-zzz-override_cilium.conf and sets rp_filter`,
        'rename it so that it sorts before 99-zzz',
      )
    const strict = ['all', 'default'].filter((which) => kernel.sysctls[`net.ipv4.conf.${which}.rp_filter`] === '1')
    if (!kernel.sysctlWritable)
      return strict.length > 0
        ? here.blocks(
            `it is strict for ${strict.join(' and ')}, and /etc/sysctl.d cannot be written`,
            "set net.ipv4.conf.*.rp_filter to 0 in the system's own configuration",
          )
        : here.warns(
            '/etc/sysctl.d cannot be written: Cilium cannot keep systemd from making it strict for new devices',
            'set sysctlfix.enabled to false under cilium.values and net.ipv4.conf.*.rp_filter to 0 yourself',
          )
    return here.fine(strict.length > 0 ? `strict for ${strict.join(' and ')} now; Cilium overrides it` : 'not strict')
  })
}
