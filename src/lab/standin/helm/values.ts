import { z } from 'zod'
import { mergeValues, type Values } from './merge-values.ts'

/** `true` or `"true"`, as Cilium's chart takes them. */
const flag = (otherwise: boolean) =>
  z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]).default(otherwise)
const text = (otherwise = '') => z.string().default(otherwise)
const number = (otherwise: number) => z.coerce.number().int().default(otherwise)
const list = z.union([z.string(), z.array(z.string())])

const image = (repository: string) =>
  z.looseObject({ repository: text(repository), tag: text(), pullPolicy: text('IfNotPresent') }).prefault({})

/** A map of the chart's own that the given one is laid over; what is to go from it has to be given as null. */
const map = (own: Values) =>
  z
    .record(z.string(), z.unknown())
    .default({})
    .transform((given) => mergeValues(own, given))

const nodeSelector = map({ 'kubernetes.io/os': 'linux' })

/** A term of pod affinity or anti-affinity: with, or without, a pod of these labels on the same node. */
const onNode = (matchLabels: Record<string, string>) => ({
  requiredDuringSchedulingIgnoredDuringExecution: [
    { labelSelector: { matchLabels }, topologyKey: 'kubernetes.io/hostname' },
  ],
})

const envoyAffinity = {
  podAntiAffinity: onNode({ 'k8s-app': 'cilium-envoy' }),
  podAffinity: onNode({ 'k8s-app': 'cilium' }),
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [
        { matchExpressions: [{ key: 'cilium.io/no-schedule', operator: 'NotIn', values: ['true'] }] },
      ],
    },
  },
}

const toleration = z.looseObject({ operator: z.string().optional(), key: z.string().optional() })

/**
 * Values of the Cilium chart that change what the stand-in renders or does, with the defaults of 1.17 (values.yaml of
 * v1.17.6). Like the chart's own schema it lets unknown keys pass, so a misspelt one is without effect and without an error.
 */
export const chartValues = z.looseObject({
  MTU: number(0),
  k8sServiceHost: text(),
  k8sServicePort: z.union([z.string(), z.number()]).default(''),
  routingMode: text(),
  tunnelProtocol: text(),
  tunnelPort: number(0),
  tunnel: z.unknown().optional(),
  autoDirectNodeRoutes: flag(false),
  ipv4NativeRoutingCIDR: text(),
  kubeProxyReplacement: z.union([z.boolean(), z.string()]).optional(),
  devices: list.optional(),
  policyEnforcementMode: z.enum(['default', 'always', 'never']).default('default'),
  policyAuditMode: flag(false),
  enableIPv4Masquerade: flag(true),
  l7Proxy: flag(true),
  agentNotReadyTaintKey: text('node.cilium.io/agent-not-ready'),
  rollOutCiliumPods: flag(false),
  cleanState: flag(false),
  cleanBpfState: flag(false),
  terminationGracePeriodSeconds: number(1),
  image: image('quay.io/cilium/cilium'),
  // Of the agents, like the chart's other values of a pod at this level.
  tolerations: z.array(toleration).default([{ operator: 'Exists' }]),
  nodeSelector,
  affinity: map({ podAntiAffinity: onNode({ 'k8s-app': 'cilium' }) }),
  podAnnotations: z.record(z.string(), z.string()).default({}),
  updateStrategy: z
    .looseObject({
      type: text('RollingUpdate'),
      rollingUpdate: z.looseObject({ maxUnavailable: z.union([z.number(), z.string()]).default(2) }).prefault({}),
    })
    .prefault({}),
  bpf: z.looseObject({ masquerade: flag(false), hostLegacyRouting: flag(false) }).prefault({}),
  cluster: z.looseObject({ name: text('default'), id: number(0) }).prefault({}),
  cni: z
    .looseObject({
      install: flag(true),
      uninstall: flag(false),
      exclusive: flag(true),
      customConf: flag(false),
      chainingMode: z.string().nullable().default(null),
      confPath: text('/etc/cni/net.d'),
      binPath: text('/opt/cni/bin'),
      hostConfDirMountPath: text('/host/etc/cni/net.d'),
      logFile: text('/var/run/cilium/cilium-cni.log'),
    })
    .prefault({}),
  envoy: z.looseObject({ enabled: flag(true), nodeSelector, affinity: map(envoyAffinity) }).prefault({}),
  hubble: z.looseObject({ enabled: flag(true) }).prefault({}),
  healthChecking: flag(true),
  endpointHealthChecking: z.looseObject({ enabled: flag(true) }).prefault({}),
  ipam: z
    .looseObject({
      mode: text('cluster-pool'),
      operator: z
        .looseObject({
          clusterPoolIPv4PodCIDRList: list.default(['10.0.0.0/8']),
          clusterPoolIPv4MaskSize: number(24),
        })
        .prefault({}),
    })
    .prefault({}),
  operator: z
    .looseObject({
      enabled: flag(true),
      replicas: number(2),
      rollOutPods: flag(false),
      image: z
        .looseObject({
          repository: text('quay.io/cilium/operator'),
          tag: text(),
          suffix: text(),
          pullPolicy: text('IfNotPresent'),
        })
        .prefault({}),
      /** What the chart has otherwise depends on its version. */
      tolerations: z.array(toleration).optional(),
      nodeSelector,
      affinity: map({ podAntiAffinity: onNode({ 'io.cilium/app': 'operator' }) }),
      removeNodeTaints: flag(true),
      setNodeTaints: flag(true),
      setNodeNetworkStatus: flag(true),
      unmanagedPodWatcher: z.looseObject({ restart: flag(true), intervalSeconds: number(15) }).prefault({}),
    })
    .prefault({}),
  sysctlfix: z.looseObject({ enabled: flag(true) }).prefault({}),
})

export type ChartValues = z.output<typeof chartValues>

/** An error as helm prints it, before its first word (`INSTALLATION FAILED`, `UPGRADE FAILED`). */
export class ChartError extends Error {}

const fail = (message: string): never => {
  throw new ChartError(`execution error at (cilium/templates/validate.yaml): ${message}`)
}

/** Validates merged values as helm does: the chart's schema first, then what its validate.yaml refuses. */
export function parseValues(merged: Record<string, unknown>): ChartValues {
  const parsed = chartValues.safeParse(merged)
  if (!parsed.success) {
    const lines = parsed.error.issues.map(({ path, message }) => `- ${path.join('.')}: ${message}`)
    throw new ChartError(
      `values don't meet the specifications of the schema(s) in the following chart(s):\ncilium:\n${lines.join('\n')}`,
    )
  }
  const values = parsed.data
  if (values.tunnel !== undefined) {
    fail(
      'tunnel was deprecated in v1.14, and has been removed in v1.15. For details please refer to https://docs.cilium.io/en/v1.15/operations/upgrade/#helm-options',
    )
  }
  if (values.kubeProxyReplacement !== undefined && !['true', 'false'].includes(String(values.kubeProxyReplacement))) {
    fail('kubeProxyReplacement must be explicitly set to a valid value (true or false) to continue.')
  }
  if (values.autoDirectNodeRoutes && values.routingMode !== 'native') {
    fail('autoDirectNodeRoutes cannot be used with routingMode=tunnel')
  }
  return values
}
