import { z } from 'zod'
import { FailedError } from '../errors.ts'
import { splitWords } from '../netfilter/words.ts'
import { textOf } from '../nodes/text.ts'
import type { Family } from './family.ts'
import { effectiveFlags, type FlagSources } from './k3s-flags.ts'
import type { Sections } from './sections.ts'
import { parseUnit, property, type UnitFacts } from './unit.ts'

/** A file whose content matters. `text` has the values of secret keys (token, datastore-endpoint, S3 keys) masked, line by line. */
export const textFileSchema = z.object({
  sha256: z.string(),
  mode: z.number(),
  uid: z.number(),
  gid: z.number(),
  text: z.string(),
})
export type TextFile = z.infer<typeof textFileSchema>

/** Where a flag's value comes from: the argument list, a file, or K3s' default. CLI > drop-ins > config.yaml > env > default. */
export const flagSchema = z.object({ value: z.string(), from: z.string() })

/** K3s as installed on the node (facts: k3s-kube-router.md §1, §2, §3.5). */
export const k3sSchema = z.object({
  version: z.string(),
  /** Unit, its drop-ins, env file, config.yaml, config.yaml.d/*: by path. */
  files: z.record(z.string(), textFileSchema),
  /** Effective value and origin of the flags that matter: flannel-backend, disable-network-policy, disable-kube-proxy, cluster-cidr, service-cidr, cluster-dns, node-ip, data-dir, datastore-endpoint (masked), server, https-listen-port, flannel-iface, prefer-bundled-bin, egress-selector-mode. */
  flags: z.record(z.string(), flagSchema),
  /** What containerd uses now, by its config.toml; absent section = containerd's defaults. */
  cni: z.object({ confDir: z.string(), binDir: z.string() }),
  /** A user's config.toml.tmpl or config-v3.toml.tmpl. */
  containerdTemplate: z.boolean(),
  /** Whether 127.0.0.1:6444 accepts and speaks TLS (the API's local address on servers and agents). */
  localApi: z.boolean(),
})
export type K3sFacts = z.infer<typeof k3sSchema>

/** Files whose content matters, as the script sends them: path, `mode uid gid sha256`, base64 of the masked text. */
function textFiles(sections: Sections): Record<string, TextFile> {
  const fields = sections.fields('k3s.files')
  const files: Record<string, TextFile> = {}
  for (let at = 0; at < fields.length; at += 3) {
    const [path = '', meta = '', text = ''] = fields.slice(at, at + 3)
    const [, mode, uid, gid, sha256] = /^([0-7]+) (\d+) (\d+) ([0-9a-f]{64})$/.exec(meta) ?? []
    if (!sha256) throw new FailedError(`k3s.files: ${path}: expected mode, owner and digest, got ${meta.slice(0, 80)}`)
    files[path] = {
      sha256,
      mode: Number.parseInt(mode ?? '', 8),
      uid: Number(uid),
      gid: Number(gid),
      text: textOf(Buffer.from(text, 'base64')),
    }
  }
  return files
}

/** Variables of the environment files, in their order; then those of the unit itself. */
function variables(show: string, files: Record<string, TextFile>, fragmentPath: string): FlagSources['env'] {
  const ofUnit = splitWords(property(show, 'Environment') ?? '').map((word) => ({
    line: word,
    from: fragmentPath,
  }))
  const paths = [...show.matchAll(/^EnvironmentFiles=(.*) \(ignore_errors=\w+\)$/gm)].map((match) => match[1] ?? '')
  const ofFiles = paths.flatMap((path) => (files[path]?.text ?? '').split('\n').map((line) => ({ line, from: path })))
  return [...ofUnit, ...ofFiles].flatMap(({ line, from }) => {
    const [, name, value] = /^(?:export )?([A-Z][A-Z0-9_]*)=(.*)$/.exec(line.trim()) ?? []
    return name === undefined ? [] : [{ name, value: (value ?? '').replace(/^(['"])(.*)\1$/, '$2'), from }]
  })
}

/** containerd's directories; without a section of K3s its defaults (k3s-kube-router.md §3.5). */
function cniDirs(section: string): K3sFacts['cni'] {
  const value = (key: string) => new RegExp(`^\\s*${key}\\s*=\\s*\\[?\\s*["']([^"']*)["']`, 'm').exec(section)?.[1]
  return {
    confDir: value('conf_dir') ?? '/etc/cni/net.d',
    binDir: value('bin_dirs?') ?? '/opt/cni/bin',
  }
}

/** The file that holds ExecStart: a drop-in may have replaced it, and the last one counts. */
const execStartFile = (unit: UnitFacts, dropIns: readonly string[], files: Record<string, TextFile>): string =>
  dropIns.findLast((path) => /^ExecStart=./m.test(files[path]?.text ?? '')) ?? unit.fragmentPath

/** The K3s installation of a node. The script leaves no secret unmasked before anything is sent. */
export const k3sFamily: Family<K3sFacts> = {
  script: `
masked_files() {
  for path in "$@"; do
    [ -f "$path" ] || continue
    printf '%s\\0%s %s\\0' "$path" "$(stat -L -c '%a %u %g' -- "$path")" "$(sha256sum <"$path" | cut -d' ' -f1)"
    mask <"$path" | base64 | tr -d '\\n'
    printf '\\0'
  done
}
# curl says 000 and fails where nothing accepts or what accepts does not speak TLS; any answer of the API will do.
local_api() {
  if has curl; then curl -sk --max-time 3 -o /dev/null https://127.0.0.1:6444/ping
  else timeout 3 openssl s_client -connect 127.0.0.1:6444 </dev/null >/dev/null; fi
}
k3s_show=$(show_k3s)
emit k3s.unit printf %s "$k3s_unit"
emit k3s.show printf '%s\\n' "$k3s_show"
if [ -n "$k3s_unit" ]; then
  emit k3s.files masked_files \\
    $(printf '%s\\n' "$k3s_show" | sed -nE 's/^(FragmentPath|DropInPaths)=(.*)/\\2/p; s/^EnvironmentFiles=(.*) \\(ignore_errors=.*/\\1/p') \\
    "$k3s_config" "$k3s_config.d"/*.yaml "$k3s_config.d"/*.yml
  emit k3s.config printf %s "$k3s_config"
  emit k3s.version timeout 20 k3s --version
  # Only this section: others may hold a registry's password.
  emit k3s.cni awk '/^[ \\t]*\\[/ { on = /cni\\]/ } on' "$k3s_data/agent/etc/containerd/config.toml"
  emit k3s.template find "$k3s_data/agent/etc/containerd" -name 'config*.toml.tmpl'
  emit k3s.localapi local_api
fi
`,
  parse(sections) {
    const show = sections.text('k3s.show')
    const unit = parseUnit(sections.text('k3s.unit'), show)
    const files = textFiles(sections)
    const config = sections.text('k3s.config')
    const dropIns = (property(show, 'DropInPaths') ?? '').split(' ').filter((path) => path !== '')
    const version = /^k3s version (\S+)/m.exec(sections.text('k3s.version'))?.[1]
    if (version === undefined) throw new FailedError('k3s.version: expected "k3s version v1.x.y+k3sN"')
    const configs = Object.keys(files).filter((path) => path === config || path.startsWith(`${config}.d/`))
    const flags = effectiveFlags({
      role: unit.role,
      args: { words: unit.execStart.slice(2), from: execStartFile(unit, dropIns, files) },
      // "config.yaml" sorts before "config.yaml.d/"; the drop-ins are read in the order of their names.
      files: configs.sort().map((path) => ({ path, text: files[path]?.text ?? '' })),
      env: variables(show, files, unit.fragmentPath),
    })
    return {
      version,
      files,
      flags,
      cni: cniDirs(sections.optional('k3s.cni') ?? ''),
      containerdTemplate: (sections.optional('k3s.template') ?? '').trim() !== '',
      localApi: sections.get('k3s.localapi')?.code === 0,
    }
  },
}
