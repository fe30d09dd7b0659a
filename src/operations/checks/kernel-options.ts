import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { onEachNode } from './finding.ts'

/** Without these no agent starts, or no packet gets through a tunnel (cilium.md §3.2). */
const essential = [
  'BPF',
  'BPF_SYSCALL',
  'NET_CLS_BPF',
  'NET_CLS_ACT',
  'NET_SCH_INGRESS',
  'CGROUPS',
  'CGROUP_BPF',
  'VXLAN',
  'FIB_RULES',
]
/** Cilium masquerades by iptables here, and kube-proxy stays. */
const masquerading = ['NETFILTER_XT_SET', 'IP_SET', 'IP_SET_HASH_IP', 'NETFILTER_XT_MATCH_COMMENT']
/** Listed by Cilium; 1.13.9 was seen to run without CRYPTO_USER_API_HASH and SCHEDSTATS. */
const wished = ['BPF_JIT', 'CRYPTO_SHA1', 'CRYPTO_USER_API_HASH', 'PERF_EVENTS', 'SCHEDSTATS']
/** For policies of layer 7 and by DNS name. */
const proxy = [
  'NETFILTER_XT_TARGET_TPROXY',
  'NETFILTER_XT_TARGET_MARK',
  'NETFILTER_XT_TARGET_CT',
  'NETFILTER_XT_MATCH_MARK',
  'NETFILTER_XT_MATCH_SOCKET',
]

const options = (names: readonly string[]) => names.map((name) => `CONFIG_${name}`).join(', ')

/** The kernel was built with what Cilium uses, and its modules are on the disk. */
export function kernelOptions(facts: Facts): Finding[] {
  return onEachNode(
    facts,
    'kernel',
    'the kernel has what Cilium uses',
    ({ config, missingModules, filesystems }, here) => {
      const install = 'install the package with the rest of the modules (on a Raspberry Pi: linux-modules-extra-raspi)'
      if (missingModules.length > 0)
        return here.blocks(
          `its configuration has these modules, the disk has not: ${missingModules.join(', ')}`,
          install,
        )
      if (config === null) {
        if (!filesystems.includes('bpf')) return here.blocks('it has no BPF file system', 'use a kernel with BPF')
        return here.unknown(
          'its configuration is neither in /proc/config.gz nor in /boot nor beside its modules',
          `put the file config-$(uname -r) into /boot, or "modprobe configs"`,
        )
      }
      const without = (names: readonly string[]) => names.filter((name) => config.options[name] === undefined)
      const missing = without([...essential, ...masquerading])
      if (missing.length > 0)
        return here.blocks(`${config.file} lacks ${options(missing)}`, 'use a kernel that was built with them')
      const [lesser, forProxy] = [without(wished), without(proxy)]
      if (lesser.length + forProxy.length === 0) return here.fine(`by ${config.file}`)
      const without7 = forProxy.length > 0 ? '; policies of layer 7 and by DNS name will not work' : ''
      return here.warns(
        `${config.file} lacks ${options([...lesser, ...forProxy])}, which Cilium asks for${without7}`,
        'use a kernel that was built with them, or try Cilium on a machine of the kind first',
      )
    },
  )
}
