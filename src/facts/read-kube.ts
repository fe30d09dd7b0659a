import type { z } from 'zod'
import { FailedError } from '../errors.ts'
import type { KindRef, KubeApi } from '../kube/api.ts'
import { KubeError, KubeUnreachableError } from '../kube/errors.ts'
import { readHelmRelease } from './helm-release.ts'
import { type KubeFacts, suspendedAnnotation, suspendedByTest } from './kube.ts'
import * as objects from './kube-objects.ts'

/** Where Flux's kinds live, newest first: the API answers to all that it serves, with the same objects. */
const fluxKinds: readonly { kind: string; apiVersions: readonly string[] }[] = [
  {
    kind: 'Kustomization',
    apiVersions: ['kustomize.toolkit.fluxcd.io/v1', 'kustomize.toolkit.fluxcd.io/v1beta2'],
  },
  {
    kind: 'HelmRelease',
    apiVersions: ['helm.toolkit.fluxcd.io/v2', 'helm.toolkit.fluxcd.io/v2beta2', 'helm.toolkit.fluxcd.io/v2beta1'],
  },
]

function parsed<S extends z.ZodType>(schema: S, { kind }: KindRef, object: unknown): z.infer<S> {
  const result = schema.safeParse(object)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new FailedError(`${kind} ${nameOf(object)}: ${issue?.path.join('.')}: ${issue?.message}`, {
    next: 'the API sent an object of a form that is not known here',
  })
}

/** `namespace/name`, as far as an object of an unknown form has them. */
function nameOf(object: unknown): string {
  const metadata: unknown = Object(Object(object).metadata)
  const [namespace, name] = ['namespace', 'name'].map((key) => Reflect.get(metadata as object, key))
  const prefix = typeof namespace === 'string' ? `${namespace}/` : ''
  return `${prefix}${typeof name === 'string' ? name : '(without a name)'}`
}

/** Kinds that the cluster does not serve have no objects. */
async function listOf<S extends z.ZodType>(api: KubeApi, kind: KindRef, schema: S, namespace?: string) {
  try {
    const found = await api.list(kind, namespace === undefined ? {} : { namespace })
    return found.map((object) => parsed(schema, kind, object))
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return []
    throw error
  }
}

async function getOf<S extends z.ZodType>(api: KubeApi, kind: KindRef, name: string, schema: S) {
  const object = await api.get(kind, name, 'kube-system')
  return object === null ? null : parsed(schema, kind, object)
}

async function readFlux(api: KubeApi): Promise<KubeFacts['flux']> {
  const found = await Promise.all(
    fluxKinds.map(async ({ kind, apiVersions }) => {
      for (const apiVersion of apiVersions) {
        const items = await listOf(api, { apiVersion, kind }, objects.suspendable)
        if (items.length > 0) return items.map((item) => ({ kind, apiVersion, ...suspension(item) }))
      }
      return []
    }),
  )
  return found.flat()
}

const suspension = ({ metadata, spec }: z.infer<typeof objects.suspendable>) => ({
  namespace: metadata.namespace,
  name: metadata.name,
  suspended: spec?.suspend ?? false,
  ours: metadata.annotations[suspendedAnnotation] !== undefined,
})

/** The object first: a release is there as well, made of it by K3s' helm controller. */
async function readChart(api: KubeApi): Promise<KubeFacts['cilium']['chart']> {
  const object = await getOf(api, { apiVersion: 'helm.cattle.io/v1', kind: 'HelmChart' }, 'cilium', objects.helmChart)
  if (object !== null) {
    const { version, valuesContent } = object.spec
    return { by: 'helm-chart-object', version: version ?? null, values: valuesContent ?? '' }
  }
  const release = await readHelmRelease(api, 'kube-system', 'cilium')
  return release && { by: 'helm', ...release }
}

async function readCilium(api: KubeApi, pods: readonly z.infer<typeof objects.pod>[]): Promise<KubeFacts['cilium']> {
  const [kinds, chart, config, daemonSet, operator, nodes, endpoints] = await Promise.all([
    readKinds(api),
    readChart(api),
    getOf(api, { apiVersion: 'v1', kind: 'ConfigMap' }, 'cilium-config', objects.configMap),
    getOf(api, { apiVersion: 'apps/v1', kind: 'DaemonSet' }, 'cilium', objects.daemonSet),
    getOf(api, { apiVersion: 'apps/v1', kind: 'Deployment' }, 'cilium-operator', objects.deployment),
    listOf(api, { apiVersion: 'cilium.io/v2', kind: 'CiliumNode' }, objects.ciliumNode),
    listOf(api, { apiVersion: 'cilium.io/v2', kind: 'CiliumEndpoint' }, objects.ciliumEndpoint),
  ])
  const agents = pods.filter(
    (pod) => pod.metadata.namespace === 'kube-system' && pod.metadata.labels['k8s-app'] === 'cilium',
  )
  return {
    chart,
    config: config?.data ?? null,
    daemonSet: daemonSet && {
      desired: daemonSet.status.desiredNumberScheduled,
      ready: daemonSet.status.numberReady,
      updated: daemonSet.status.updatedNumberScheduled,
      generation: daemonSet.metadata.generation,
      observed: daemonSet.status.observedGeneration,
      strategy: daemonSet.spec?.updateStrategy?.type ?? 'RollingUpdate',
    },
    agents: agents.flatMap((pod) =>
      pod.spec.nodeName === undefined
        ? []
        : [
            {
              name: pod.metadata.name,
              node: pod.spec.nodeName,
              ready: objects.isReady(pod.status.conditions),
              startedMs: objects.startedMs(pod),
              waiting: objects.waitingOf(pod),
              restarts: objects.restartsOf(pod),
              annotations: pod.metadata.annotations,
            },
          ],
    ),
    operatorReady: operator?.status.readyReplicas ?? 0,
    kinds,
    nodes: nodes.map((node) => ({ name: node.metadata.name, podCidrs: node.spec.ipam.podCIDRs })),
    endpoints: endpoints.map((endpoint) => ({
      namespace: endpoint.metadata.namespace,
      name: endpoint.metadata.name,
      ip: endpoint.status.networking.addressing[0]?.ipv4 ?? endpoint.status.networking.addressing[0]?.ipv6 ?? null,
      state: endpoint.status.state,
    })),
  }
}

async function readAll(api: KubeApi): Promise<KubeFacts> {
  const version = await api.raw('/version')
  const list = <S extends z.ZodType>(apiVersion: string, kind: string, schema: S) =>
    listOf(api, { apiVersion, kind }, schema)
  const [nodes, pods, namespaces, policies, services, cronJobs, leases, flux] = await Promise.all([
    list('v1', 'Node', objects.node),
    list('v1', 'Pod', objects.pod),
    list('v1', 'Namespace', objects.namespace),
    list('networking.k8s.io/v1', 'NetworkPolicy', objects.policy),
    list('v1', 'Service', objects.service),
    list('batch/v1', 'CronJob', objects.cronJob),
    list('coordination.k8s.io/v1', 'Lease', objects.lease),
    readFlux(api),
  ])
  return {
    reachable: true,
    error: null,
    version: objects.gitVersion(version.status === 200 ? version.body : ''),
    nodes: nodes.map((node) => {
      const own = leases.find(
        (one) => one.metadata.namespace === 'kube-node-lease' && one.metadata.name === node.metadata.name,
      )
      return objects.nodeFacts(node, own)
    }),
    pods: pods.map(objects.podFacts),
    namespaces: namespaces.map(({ metadata: { name, labels } }) => ({ name, labels })),
    policies: policies.map(({ metadata: { namespace, name }, spec }) => ({ namespace, name, spec })),
    services: services.map(objects.serviceFacts),
    cronJobs: cronJobs.map((job) => ({
      ...suspension(job),
      schedule: job.spec.schedule,
      ...(job.metadata.annotations[suspendedAnnotation] === suspendedByTest ? { byTest: true as const } : {}),
    })),
    flux,
    leases: leases.map(objects.leaseFacts),
    cilium: await readCilium(api, pods),
  }
}

const unreachable = (error: string): KubeFacts => ({
  reachable: false,
  error,
  version: null,
  nodes: [],
  pods: [],
  namespaces: [],
  policies: [],
  services: [],
  cronJobs: [],
  flux: [],
  leases: [],
  cilium: {
    chart: null,
    config: null,
    daemonSet: null,
    agents: [],
    operatorReady: 0,
    kinds: [],
    nodes: [],
    endpoints: [],
  },
})

/** By discovery: the definitions themselves are megabytes. */
async function readKinds(api: KubeApi): Promise<string[]> {
  const answers = await Promise.all(['v2', 'v2alpha1'].map((version) => api.raw(`/apis/cilium.io/${version}`)))
  const names = answers.flatMap((answer) => (answer.status === 200 ? objects.resourceNames(answer.body) : []))
  return [...new Set(names.map((name) => `${name.split('/')[0]}.cilium.io`))].sort()
}

/**
 * Reads the cluster from its API. An API that cannot be reached, or that answers with an error of its own (no quorum, just
 * starting), is a fact and not an error.
 * @throws FailedError naming the object that has a form that is not known
 */
export async function readKube(api: KubeApi): Promise<KubeFacts> {
  try {
    return await readAll(api)
  } catch (error) {
    if (error instanceof KubeUnreachableError || error instanceof KubeError) return unreachable(error.message)
    throw error
  }
}
