import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { onEachNode } from './finding.ts'

/** bpffs is the host's own mount: otherwise maps go with the agent's pod, and its restart can cut the node off (cilium#28755). */
export function bpfMounted(facts: Facts): Finding[] {
  return onEachNode(facts, 'kernel', 'the BPF file system is mounted', ({ mounts }, here) =>
    mounts.some(({ type, path }) => type === 'bpf' && path === '/sys/fs/bpf')
      ? here.fine('/sys/fs/bpf')
      : here.blocks(
          'nothing of type bpf is at /sys/fs/bpf',
          'mount it, and at every boot: systemctl enable --now sys-fs-bpf.mount, or a line in /etc/fstab',
        ),
  )
}
