import type { SectionsOf } from './facts.ts'
import { addressesJson } from './facts-of-network.ts'

const commands =
  'awk base64 bash bpftool conntrack curl ip ip6tables ipset iptables iptables-legacy-save iptables-nft-save journalctl nft nsenter openssl sh sha256sum ss systemctl systemd-run tar tc timeout'
const services = 'ufw firewalld nftables docker systemd-networkd NetworkManager'
const lines = (list: readonly string[]) => list.map((line) => `${line}\n`).join('')

export const hostSections: SectionsOf = (state, node, nodeNames) => {
  const freeKib = node.diskFull ? 0 : 40 * 1024 ** 2
  return [
    ['host.hostname', `${node.name}\n`],
    ['host.kernel', '6.1.0-28-amd64\n'],
    ['host.os', 'ID=debian\nVERSION_ID="12"\n'],
    ['host.boot', `boot-${node.boots}-of-${node.name}\n`],
    ['host.disks', `/dev/vda1 ${80 * 1024 ** 2} 1 ${freeKib} 50% /\n`],
    ['host.addresses', addressesJson(node)],
    ['host.default', 'default via 192.168.77.1 dev eth0\n'],
    ['host.commands', lines(commands.split(' ').map((command) => `${command} yes`))],
    ['host.services', lines(services.split(' ').map((service) => `${service} inactive`))],
    ['host.resolves', lines(nodeNames.map((name) => `${name} ${state.nodes[name]?.address ?? ''}`))],
  ]
}

const options =
  'BPF BPF_SYSCALL BPF_JIT NET_CLS_ACT CRYPTO_SHA1 CRYPTO_USER_API_HASH CGROUPS CGROUP_BPF PERF_EVENTS SCHEDSTATS FIB_RULES NETFILTER_XT_TARGET_MARK ' +
  'NET_CLS_BPF NET_SCH_INGRESS VXLAN IP_SET IP_SET_HASH_IP NETFILTER_XT_SET NETFILTER_XT_MATCH_COMMENT NETFILTER_XT_MATCH_MARK NETFILTER_XT_MATCH_SOCKET NETFILTER_XT_TARGET_CT NETFILTER_XT_TARGET_TPROXY'

export const kernelSections: SectionsOf = () => [
  ['kernel.arch', 'x86_64\n'],
  ['kernel.config', lines(['/boot/config', ...options.split(' ').map((option) => `CONFIG_${option}=y`)])],
  ['kernel.modules', ''],
  ['kernel.filesystems', 'bpf\ncgroup2\n'],
  ['kernel.mounts', 'bpf /sys/fs/bpf\ncgroup2 /sys/fs/cgroup\n'],
  ['kernel.sysctls', 'net.ipv4.conf.all.rp_filter 0\nnet.ipv4.ip_forward 1\n'],
  ['kernel.late', { code: 1 }],
  ['kernel.writable', ''],
  ['kernel.drivers', 'eth0 virtio_net\n'],
]

/** A guard keeps what it needs in its run's folder. */
export const guardSections: SectionsOf = (_state, node) => {
  const runs = Object.keys(node.files).flatMap((path) => {
    const [, run] = /^\/var\/lib\/cni-migrate\/([^/]+)\/guard\/armed$/.exec(path) ?? []
    return run === undefined ? [] : [run]
  })
  return [
    ['guards.runs', lines(runs)],
    ['guards.hold', { code: node.agentHeld ? 0 : 1 }],
  ]
}

export const upkeepSections: SectionsOf = () => [
  ['upkeep.units', lines(Array.from({ length: 9 }, () => 'inactive'))],
  ['upkeep.networkd', { code: 1 }],
  ['upkeep.tuning', { code: 1 }],
]
