import { z } from 'zod'
import { FailedError } from '../errors.ts'
import { textOf } from '../nodes/text.ts'
import type { Family } from './family.ts'
import type { Sections } from './sections.ts'

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

const types: Readonly<Record<string, CniFacts['files'][string]['type']>> = { f: 'file', d: 'dir', l: 'link' }

/** Fields in pairs: a path and what belongs to it. */
function byPath(sections: Sections, name: string): Map<string, string> {
  const fields = sections.fields(name)
  const found = new Map<string, string>()
  for (let at = 0; at < fields.length; at += 2) found.set(fields[at] ?? '', fields[at + 1] ?? '')
  return found
}

/**
 * Files and folders of CNI, flannel and Cilium. Texts are those of configurations only: a kubeconfig that some CNI keeps
 * beside them has a token in it.
 */
export const cniFamily: Family<CniFacts> = {
  script: `
cni_agent=$k3s_data/agent/etc
cni_places() {
  for place in /etc/cni/net.d /opt/cni/bin "$cni_agent/cni/net.d" "$k3s_data/data/cni" "$cni_agent/flannel" /var/lib/cni /run/flannel; do
    [ ! -d "$place" ] || find "$place" "$@"
  done
}
cni_list() {
  cni_places -printf '%y %m %s\\0%p\\0'
  for place in /run/cilium /var/lib/cilium /etc/sysctl.d/99-zzz-override_cilium.conf; do
    [ ! -e "$place" ] || find "$place" -maxdepth 1 -printf '%y %m %s\\0%p\\0'
  done
}
cni_digests() {
  cni_places -type f -exec sha256sum -z -- {} +
  [ ! -f /etc/sysctl.d/99-zzz-override_cilium.conf ] || sha256sum -z -- /etc/sysctl.d/99-zzz-override_cilium.conf
}
cni_texts() {
  for place in /etc/cni/net.d "$cni_agent/cni/net.d" "$cni_agent/flannel" /run/flannel; do
    [ ! -d "$place" ] || find "$place" -type f -size -65537c \\
      \\( -name '*.conf' -o -name '*.conflist' -o -name '*.json' -o -name '*.cilium_bak' -o -name '*.env' \\) \\
      -exec sh -c 'for file do printf "%s\\0" "$file"; base64 <"$file" | tr -d "\\n"; printf "\\0"; done' sh {} +
  done
}
emit cni.list cni_list
emit cni.digests cni_digests
emit cni.texts cni_texts
`,
  parse(sections) {
    const texts = byPath(sections, 'cni.texts')
    // `sha256sum -z`: digest, two characters, path.
    const digests = new Map(sections.fields('cni.digests').map((one) => [one.slice(66), one.slice(0, 64)]))
    const files: CniFacts['files'] = {}
    const fields = sections.fields('cni.list')
    for (let at = 0; at < fields.length; at += 2) {
      const path = fields[at + 1] ?? ''
      const [, kind, mode, sizeBytes] = /^(\S) ([0-7]+) (\d+)$/.exec(fields[at] ?? '') ?? []
      if (sizeBytes === undefined) throw new FailedError(`cni.list: expected type, mode and size of ${path}`)
      const type = types[kind ?? '']
      // Sockets and pipes are nobody's files.
      if (type === undefined) continue
      const text = texts.get(path)
      files[path] = {
        path,
        type,
        sizeBytes: Number(sizeBytes),
        mode: Number.parseInt(mode ?? '', 8),
        text: text === undefined ? null : textOf(Buffer.from(text, 'base64')),
        sha256: digests.get(path) ?? null,
      }
    }
    return { files }
  },
}
