import { isDeepStrictEqual } from 'node:util'
import { parse, parseDocument, YAMLError } from 'yaml'
import { z } from 'zod'
import { FailedError } from '../errors.ts'

/** How packets get from pods of one node to those of another: as they are, by routes to the nodes, or in a tunnel (vxlan). */
export type RoutingMode = 'native' | 'tunnel'

const valuesSchema = z.looseObject({
  routingMode: z.string().nullish(),
  autoDirectNodeRoutes: z.union([z.boolean(), z.string()]).nullish(),
  ipv4NativeRoutingCIDR: z.string().nullish(),
  kubeProxyReplacement: z.union([z.boolean(), z.string()]).nullish(),
  tunnelPort: z.coerce.number().nullish(),
  updateStrategy: z.looseObject({ type: z.string().nullish() }).nullish(),
})
type Values = z.infer<typeof valuesSchema>

/** @throws FailedError when they are not what a chart could have taken */
function read(values: string): Values {
  try {
    return valuesSchema.parse(parse(values) ?? {})
  } catch (error) {
    if (!(error instanceof z.ZodError || error instanceof YAMLError)) throw error
    const why = error instanceof z.ZodError ? z.prettifyError(error) : error.message
    const next = 'helm get values cilium -n kube-system shows them; correct them first'
    throw new FailedError(`the values of the release kube-system/cilium: ${why}`, { next }, error)
  }
}

/** Values are what they say, not how it is written: helm keeps them as JSON. */
export const sameValues = (a: string, b: string): boolean => isDeepStrictEqual(parse(a), parse(b))

export interface RoutingWanted {
  mode: RoutingMode
  /** Cilium's pod range: packets to it keep their source in native mode. */
  podCidr: string
  /** Absent: as the release has it. */
  kubeProxyReplacement?: boolean
}

/**
 * A release's values with another mode of routing, all others as they are. autoDirectNodeRoutes goes with the tunnel's coming:
 * an agent that has both exits, which who patches only `routing-mode` finds out the hard way (cilium.md §4.4).
 */
export function withRouting(values: string, { mode, podCidr, kubeProxyReplacement }: RoutingWanted): string {
  const isOther = kubeProxyReplacement !== undefined && kubeProxyReplacement !== replacesKubeProxy(read(values))
  return edited(values, {
    routingMode: mode,
    autoDirectNodeRoutes: mode === 'native' ? true : undefined,
    ipv4NativeRoutingCIDR: mode === 'native' ? podCidr : undefined,
    ...(mode === 'tunnel' && { tunnelProtocol: 'vxlan' }),
    ...(isOther && { kubeProxyReplacement }),
  })
}

/** The same, and no agent starts anew for a change of them before somebody ends it. */
export const heldBack = (values: string): string =>
  edited(values, { updateStrategy: { ...read(values).updateStrategy, type: 'OnDelete' } })

/** Keeps the order and the comments of whoever wrote the values. `undefined` takes a key away. */
function edited(values: string, edits: Readonly<Record<string, unknown>>): string {
  const document = parseDocument(values)
  for (const [key, value] of Object.entries(edits)) {
    if (value !== undefined) document.set(key, typeof value === 'object' ? document.createNode(value) : value)
    else if (document.has(key)) document.delete(key)
  }
  return document.toString({ lineWidth: 0 })
}

const isTrue = (value: boolean | string | null | undefined): boolean => String(value ?? false) === 'true'
const replacesKubeProxy = (values: Values): boolean => isTrue(values.kubeProxyReplacement)

/** What values make of routing; what they leave out is as in the chart (cilium.md §4.1). */
export function routingOf(values: string): { mode: RoutingMode; tunnelPort: number; strategy: string } {
  const { routingMode, tunnelPort, updateStrategy } = read(values)
  return {
    mode: routingMode === 'native' ? 'native' : 'tunnel',
    tunnelPort: tunnelPort || 8472,
    strategy: updateStrategy?.type ?? 'RollingUpdate',
  }
}

/** Keys of the ConfigMap cilium-config that agents take their routing from, as the chart makes them; null: absent. */
export function routingConfig(values: string): Record<string, string | null> {
  const all = read(values)
  const { mode } = routingOf(values)
  return {
    'routing-mode': mode,
    'auto-direct-node-routes': String(isTrue(all.autoDirectNodeRoutes)),
    'ipv4-native-routing-cidr': all.ipv4NativeRoutingCIDR || null,
    'kube-proxy-replacement': String(replacesKubeProxy(all)),
  }
}

/** Whether they come to the same for how packets are routed, and how agents are rolled. */
export const sameRouting = (a: string, b: string): boolean =>
  isDeepStrictEqual([routingOf(a), routingConfig(a)], [routingOf(b), routingConfig(b)])

/** Where the ConfigMap says otherwise than the values, in a sentence, or null: somebody patched it, or it is yet to be made. */
export function missingOfConfig(config: Readonly<Record<string, string>> | null, values: string): string | null {
  if (config === null) return 'there is no ConfigMap cilium-config'
  for (const [key, wanted] of Object.entries(routingConfig(values))) {
    const found = config[key] || null
    if (found !== wanted) return `cilium-config has ${key}: ${found ?? 'nothing'}, not ${wanted ?? 'nothing'}`
  }
  return null
}
