import { z } from 'zod'
import { type LabelSelector, matchesSelector } from '../api/selectors.ts'

const boolean = z.enum(['true', 'false']).transform((text) => text === 'true')
const number = z.string().regex(/^\d+$/).transform(Number)

/** Keys of cilium-config that the stand-in's agent acts on; a real agent has some hundred more. */
const keys = z.object({
  'routing-mode': z.enum(['tunnel', 'native']).default('tunnel'),
  'tunnel-protocol': z.string().default('vxlan'),
  'auto-direct-node-routes': boolean.default(false),
  'ipv4-native-routing-cidr': z.string().default(''),
  'tunnel-port': number.default(8472),
  'enable-policy': z.enum(['default', 'always', 'never']).default('default'),
  /** What policies forbid is let through; a real agent logs it. */
  'policy-audit-mode': boolean.default(false),
  /** A path; without it the agent leaves the CNI's configuration alone, whatever `custom-cni-conf` says. */
  'write-cni-conf-when-ready': z.string().default(''),
  'cni-exclusive': boolean.default(true),
  'cni-uninstall': boolean.default(false),
  'cni-chaining-mode': z.string().default('none'),
  'cni-log-file': z.string().default('/var/run/cilium/cilium-cni.log'),
  mtu: number.default(0),
  devices: z.string().default(''),
  'enable-l7-proxy': boolean.default(true),
  'enable-ipv4-masquerade': boolean.default(true),
  'enable-endpoint-health-checking': boolean.default(true),
})

export type AgentConfig = z.output<typeof keys>

/** Reads the merged keys as an agent does at its start; what it cannot run with is one error that names the key. */
export function agentConfig(merged: Record<string, string>): AgentConfig {
  const parsed = keys.safeParse(merged)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const key = String(issue?.path[0])
    throw new Error(`invalid value ${JSON.stringify(merged[key])} for option ${key}: ${issue?.message}`)
  }
  const config = parsed.data
  const wrong = config['routing-mode'] === 'native' ? wrongWhenNative(config) : wrongWithTunnel(config)
  if (wrong !== null) throw new Error(wrong)
  return config
}

/** Where packets go is told by routes, and which of them keep their source by this range (cilium.md §4.1). */
const wrongWhenNative = (config: AgentConfig): string | null =>
  config['enable-ipv4-masquerade'] && config['ipv4-native-routing-cidr'] === ''
    ? 'native routing cidr must be configured with option --ipv4-native-routing-cidr in combination with --enable-ipv4-masquerade=true --routing-mode=native'
    : null

function wrongWithTunnel(config: AgentConfig): string | null {
  const protocol = config['tunnel-protocol']
  if (protocol !== 'vxlan') return `the practice cluster's Cilium knows tunnel-protocol vxlan only, not ${protocol}`
  return config['auto-direct-node-routes']
    ? 'option auto-direct-node-routes cannot be used with tunneling. Packets must be routed through the tunnel device'
    : null
}

interface NodeConfig {
  metadata: { name: string }
  spec?: { nodeSelector?: LabelSelector; defaults?: Record<string, string> }
}

/** cilium-config with every CiliumNodeConfig that selects the node over it, in the order of their names. */
export function mergeNodeConfigs(
  base: Record<string, string>,
  nodeConfigs: readonly NodeConfig[],
  nodeLabels: Record<string, string>,
): Record<string, string> {
  const selecting = nodeConfigs
    .filter(({ spec }) => matchesSelector(spec?.nodeSelector, nodeLabels))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  return Object.assign({}, base, ...selecting.map(({ spec }) => spec?.defaults ?? {}))
}
