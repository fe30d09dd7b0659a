import { z } from 'zod'

export const cniFileSchema = z.object({
  path: z.string(),
  type: z.enum(['file', 'dir', 'link']),
  sizeBytes: z.number(),
  mode: z.number(),
  /** Of files up to 64 KiB under the conf directories and /run/flannel; null otherwise. */
  text: z.string().nullable(),
  /** Of regular files; binaries are told apart by it. */
  sha256: z.string().nullable(),
})

/**
 * Everything under /etc/cni/net.d, /opt/cni/bin, agent/etc/cni/net.d, data/cni, agent/etc/flannel, /var/lib/cni, /run/flannel,
 * plus /etc/sysctl.d/99-zzz-override_cilium.conf, /run/cilium, /var/lib/cilium (top level only), by path.
 */
export const cniSchema = z.object({ files: z.record(z.string(), cniFileSchema) })
export type CniFacts = z.infer<typeof cniSchema>
