import { z } from 'zod'

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
  unit: z.object({
    /** `k3s`, `k3s-agent` or what INSTALL_K3S_NAME made of it. */
    name: z.string(),
    /** From the word after the binary in ExecStart, never from the unit's name. */
    role: z.enum(['server', 'agent']),
    activeState: z.string(),
    subState: z.string(),
    result: z.string(),
    enabled: z.boolean(),
    /** As systemd split it, secrets masked. */
    execStart: z.array(z.string()),
    fragmentPath: z.string(),
    mainPid: z.number(),
  }),
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
