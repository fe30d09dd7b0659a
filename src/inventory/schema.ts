import ipaddr from 'ipaddr.js'
import semver from 'semver'
import { z } from 'zod'

const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
const nodeName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const hostName = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/

const isHost = (text: string) => ipaddr.isValid(text) || hostName.test(text)

/** `[user@]host[:port]`, several with commas: what `ssh -J` takes. Nothing that could be read as an option. */
function isProxyJump(text: string): boolean {
  return text
    .split(',')
    .every((hop) => /^([A-Za-z0-9_][-A-Za-z0-9_.]*@)?[A-Za-z0-9][-A-Za-z0-9_.]*(:\d{1,5})?$/.test(hop))
}

function isNetworkV4(text: string): boolean {
  if (!ipaddr.IPv4.isValidCIDRFourPartDecimal(text)) return false
  return ipaddr.IPv4.networkAddressFromCIDR(text).toString() === text.split('/')[0]
}

function isHostPort(text: string): boolean {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  return isHost(match?.[1] ?? match?.[2] ?? '') && port >= 1 && port <= 65_535
}

const text = z.string().min(1)
const port = z.int().min(1).max(65_535)

const ssh = {
  user: z
    .string()
    .regex(/^[A-Za-z_][-A-Za-z0-9_.]*\$?$/, 'a login name')
    .describe('Login name. Default: what your ssh configuration says for the address.'),
  port: port.describe('Port of sshd. Default: what your ssh configuration says, else 22.'),
  identityFile: text.describe('Private key. Default: your agent and the keys of your ssh configuration.'),
  configFile: text.describe('ssh configuration to read instead of ~/.ssh/config.'),
  knownHostsFile: z
    .union([text, z.array(text).min(1)], 'a path, or a list of paths')
    .describe(
      'Where the host keys stand, one file or a list. Host keys are always checked; there is no key to stop that.',
    ),
  proxyJump: z
    .string()
    .refine(isProxyJump, '[user@]host[:port], several separated by commas')
    .describe('Hosts to go through: [user@]host[:port], several separated by commas.'),
}

const sshDefaults = z.strictObject(ssh).partial()
const sshOverrides = z
  .strictObject({
    ...ssh,
    hostKey: z
      .string()
      .regex(
        /^(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,3}$/,
        'a public host key: type and base64, e.g. "ssh-ed25519 AAAA..."',
      )
      .describe(
        'The host key to expect, as in /etc/ssh/ssh_host_ed25519_key.pub without its comment. Known_hosts is then not looked at.',
      ),
  })
  .partial()

const node = z.strictObject({
  name: z
    .string()
    .max(253)
    .regex(nodeName, 'the name that `kubectl get nodes` shows: small letters, digits, "-" and "."')
    .describe('The name Kubernetes knows the node by (`kubectl get nodes`).'),
  role: z.enum(['server', 'agent']).describe('server: runs the control plane and etcd. agent: only workloads.'),
  address: z
    .string()
    .refine(isHost, 'an IP address or a host name')
    .describe('Where ssh reaches the node: an IP address, or a name (also one from your ssh configuration).'),
  ssh: sshOverrides.optional().describe('What differs from the common ssh settings for this node.'),
})

const chart = z
  .union(
    [z.strictObject({ repo: z.url({ protocol: /^https?$/ }) }), z.strictObject({ path: text })],
    '{repo: https://...} or {path: FILE}',
  )
  .describe('Where the chart comes from: {repo: URL} or {path: a .tgz file}.')

const cilium = z.strictObject({
  version: z
    .string()
    .refine((v) => semver.valid(v) === v, 'a full version without "v", e.g. 1.18.6')
    .describe('Cilium version to install, in full and without "v".'),
  podCidr: z
    .string()
    .refine(isNetworkV4, 'an IPv4 network such as 10.52.0.0/16, its host bits zero')
    .default('10.52.0.0/16')
    .describe(
      "Cilium's own pod range, IPv4. Must not touch K3s' cluster-cidr and service-cidr, nor any network of the nodes. It cannot be changed later.",
    ),
  tunnelPort: port
    .default(8473)
    .describe('UDP port of the VXLAN tunnel. 8472 is taken by flannel: choosing it leaves only the order "seed".'),
  mtu: z
    .int()
    .min(1280)
    .max(65_535)
    .optional()
    .describe("MTU of the underlying network. Default: the MTU of the node's own interface, never flannel.1's."),
  devices: z
    .array(z.string().regex(/^[A-Za-z0-9_.@:-]{1,15}\+?$/, 'an interface name, or a prefix ending in "+"'))
    .min(1)
    .optional()
    .describe('Interfaces Cilium uses, e.g. [eth0] or [enp+]. Default: the interface that holds the node address.'),
  chart: chart.default({ repo: 'https://helm.cilium.io' }),
  install: z
    .enum(['helm-chart-object', 'helm'])
    .default('helm-chart-object')
    .describe(
      "helm-chart-object: by K3s' own helm controller, nothing needed here. helm: by the helm program on your machine.",
    ),
  kubeProxyReplacement: z
    .boolean()
    .default(false)
    .describe("Let Cilium take kube-proxy's place. Leave it false while you migrate."),
  hubble: z.boolean().default(false).describe('Switch Hubble on.'),
  auditPolicies: z
    .boolean()
    .default(false)
    .describe(
      'First log what NetworkPolicies would drop, in a step of its own, and drop it in the next. Not with --policies closed, which enforces them from the first pod on.',
    ),
  values: z
    .record(z.string(), z.json())
    .default({})
    .describe('More chart values. They are merged last and so win over what the migration sets.'),
})

/** The inventory as it is written. Paths in it are relative to the file; `~` is the home of who runs the tool. */
export const inventorySchema = z.strictObject({
  cluster: z
    .strictObject({
      name: z
        .string()
        .regex(label, 'at most 63 small letters, digits and "-", beginning and ending with a letter or digit')
        .describe('Name of the cluster, yours to choose. Names the folder that runs are kept in.'),
    })
    .describe('The cluster.'),
  ssh: sshDefaults.default({}).describe('ssh settings common to all nodes.'),
  nodes: z.array(node).min(1).describe('Every node of the cluster, servers and agents.'),
  lifeboat: z
    .string()
    .optional()
    .describe(
      'The server that is kept out of dangerous operations until the others came through. Default: the last server.',
    ),
  canary: z
    .string()
    .optional()
    .describe(
      'The node on which Cilium comes first; the others follow when it is healthy there, the lifeboat last. Default: the first agent, or the first server that is not the lifeboat.',
    ),
  cilium: cilium.describe('What Cilium shall look like.'),
  probes: z
    .strictObject({
      externalTargets: z
        .array(z.string().refine(isHostPort, 'host:port'))
        .default([])
        .describe('host:port addresses outside the cluster that pods must reach before and after.'),
    })
    .default({ externalTargets: [] })
    .describe('What is probed besides the pods and services.'),
  stateDir: text.optional().describe('Where plans, runs and backups are kept. Default: .migrate beside this file.'),
})
export type InventoryFile = z.infer<typeof inventorySchema>

/** How one node is reached: the common settings with the node's own over them. What is absent comes from the ssh configuration. */
export interface SshSettings {
  user?: string
  port?: number
  /** Absolute path. */
  identityFile?: string
  /** Absolute path. */
  configFile?: string
  /** Absolute paths. */
  knownHostsFile?: readonly string[]
  /** `type base64`; when there, known_hosts is not looked at. */
  hostKey?: string
  proxyJump?: string
}

export interface InventoryNode {
  name: string
  role: 'server' | 'agent'
  /** IP address or a name that ssh resolves. */
  address: string
  ssh: SshSettings
}

/** `repo`: a chart repository's URL. `path`: absolute path of a packed chart. */
export type ChartSource = { repo: string } | { path: string }

export type CiliumSettings = Omit<InventoryFile['cilium'], 'chart'> & { chart: ChartSource }

/** The inventory, resolved: defaults filled in, paths absolute, ssh settings merged. */
export interface Inventory {
  /** Absolute path of the file it was read from. */
  file: string
  cluster: { name: string }
  nodes: readonly InventoryNode[]
  /** Name of the server touched last. */
  lifeboat: string
  /** Name of the node that Cilium comes to first. Of a cluster of one node it is the lifeboat as well. */
  canary: string
  cilium: CiliumSettings
  probes: { externalTargets: readonly string[] }
  /** Absolute path; a run's files are in `<stateDir>/<cluster>/`. */
  stateDir: string
}
