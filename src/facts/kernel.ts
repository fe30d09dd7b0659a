import { z } from 'zod'
import type { Family } from './family.ts'

/** The module that an option brings where it is built as one; only these can be missing from the disk. */
const moduleOf: Readonly<Record<string, string>> = {
  NET_CLS_BPF: 'cls_bpf',
  NET_SCH_INGRESS: 'sch_ingress',
  VXLAN: 'vxlan',
  IP_SET: 'ip_set',
  IP_SET_HASH_IP: 'ip_set_hash_ip',
  NETFILTER_XT_SET: 'xt_set',
  NETFILTER_XT_MATCH_COMMENT: 'xt_comment',
  NETFILTER_XT_MATCH_MARK: 'xt_mark',
  NETFILTER_XT_MATCH_SOCKET: 'xt_socket',
  NETFILTER_XT_TARGET_CT: 'xt_CT',
  NETFILTER_XT_TARGET_TPROXY: 'xt_TPROXY',
}

/** Options that are built in, or always part of another. */
const builtIn =
  'BPF BPF_SYSCALL BPF_JIT NET_CLS_ACT CRYPTO_SHA1 CRYPTO_USER_API_HASH CGROUPS CGROUP_BPF PERF_EVENTS SCHEDSTATS FIB_RULES NETFILTER_XT_TARGET_MARK'

const asked = [...builtIn.split(' '), ...Object.keys(moduleOf)]

/** The kernel's options, file systems, settings and drivers that Cilium depends on (cilium.md §3). */
export const kernelSchema = z.object({
  /** As `uname -m` has it. */
  arch: z.string(),
  /** The options that were asked for and are set, and the file that says so; null: the kernel's configuration is nowhere. */
  config: z.object({ file: z.string(), options: z.record(z.string(), z.enum(['y', 'm'])) }).nullable(),
  /** Modules that the configuration promises and that are not on the disk (a Raspberry Pi without linux-modules-extra). */
  missingModules: z.array(z.string()),
  /** Of bpf and cgroup2, which the kernel knows. */
  filesystems: z.array(z.string()),
  /** Where bpf and cgroup2 are mounted. */
  mounts: z.array(z.object({ type: z.string(), path: z.string() })),
  /** By their dotted names; those that do not exist are absent. */
  sysctls: z.record(z.string(), z.string()),
  /** Files of sysctl.d that set rp_filter and are read after Cilium's own 99-zzz-override_cilium.conf. */
  lateRpFilter: z.array(z.string()),
  /** Whether Cilium can put that file there. */
  sysctlWritable: z.boolean(),
  /** The driver of each network device that has one. */
  drivers: z.record(z.string(), z.string()),
})
export type KernelFacts = z.infer<typeof kernelSchema>

const lines = (text: string | null) => (text ?? '').split('\n').filter((line) => line !== '')

const pairs = (text: string | null) =>
  lines(text).map((line) => {
    const at = line.indexOf(' ')
    return [line.slice(0, at), line.slice(at + 1)] as const
  })

function configOf(text: string | null): KernelFacts['config'] {
  const [file, ...rest] = lines(text)
  if (file === undefined) return null
  const options = rest.flatMap((line) => {
    const [, name, value] = /^CONFIG_([A-Z0-9_]+)=([ym])$/.exec(line) ?? []
    return name !== undefined && (value === 'y' || value === 'm') ? [[name, value] as const] : []
  })
  return { file, options: Object.fromEntries(options) }
}

export const kernelFamily: Family<KernelFacts> = {
  script: `
kernel_config() {
  release=$(uname -r)
  for file in /proc/config.gz "/boot/config-$release" "/usr/lib/modules/$release/config" "/lib/modules/$release/config"; do
    [ -r "$file" ] || continue
    echo "$file"
    case $file in *.gz) gzip -dc "$file" ;; *) cat "$file" ;; esac | grep -E '^CONFIG_(${asked.join('|')})=[ym]$'
    return 0
  done
  return 1
}
kernel_missing_modules() {
  for pair in ${Object.entries(moduleOf)
    .map(([option, module]) => `${option}=${module}`)
    .join(' ')}; do
    case $kernel_options in
      *"CONFIG_\${pair%=*}=m"*) [ -d "/sys/module/\${pair#*=}" ] || modprobe -n -q "\${pair#*=}" 2>/dev/null || echo "\${pair#*=}" ;;
    esac
  done
}
kernel_sysctls() {
  for key in net/ipv4/conf/all/rp_filter net/ipv4/conf/default/rp_filter net/ipv4/ip_forward; do
    [ ! -r "/proc/sys/$key" ] || echo "$(echo "$key" | tr / .) $(cat "/proc/sys/$key")"
  done
}
# By name alone, whichever of the folders they are in: that is the order they are read in.
kernel_late() {
  grep -lE '^[[:space:]]*-?net[./].*rp_filter' /etc/sysctl.d/*.conf /run/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf 2>/dev/null |
    awk -F / '$NF > "99-zzz-override_cilium.conf"'
}
kernel_drivers() {
  for device in /sys/class/net/*/device/driver; do
    [ ! -L "$device" ] || { name=\${device%/device/driver}; echo "\${name##*/} $(basename "$(readlink "$device")")"; }
  done
}
kernel_options=$(kernel_config)
emit kernel.arch uname -m
emit kernel.config printf '%s\\n' "$kernel_options"
emit kernel.modules kernel_missing_modules
emit kernel.filesystems awk '$NF == "bpf" || $NF == "cgroup2" { print $NF }' /proc/filesystems
emit kernel.mounts awk '$3 == "bpf" || $3 == "cgroup2" { print $3, $2 }' /proc/self/mounts
emit kernel.sysctls kernel_sysctls
emit kernel.late kernel_late
emit kernel.writable test -w /etc/sysctl.d
emit kernel.drivers kernel_drivers
`,
  parse: (sections) => ({
    arch: sections.text('kernel.arch').trim(),
    config: configOf(sections.optional('kernel.config')),
    missingModules: lines(sections.optional('kernel.modules')),
    filesystems: lines(sections.text('kernel.filesystems')),
    mounts: pairs(sections.text('kernel.mounts')).map(([type, path]) => ({ type, path })),
    sysctls: Object.fromEntries(pairs(sections.text('kernel.sysctls'))),
    // grep ends with 1 when there is none.
    lateRpFilter: lines(sections.get('kernel.late')?.stdout.toString('utf8') ?? ''),
    sysctlWritable: sections.get('kernel.writable')?.code === 0,
    drivers: Object.fromEntries(pairs(sections.optional('kernel.drivers'))),
  }),
}
