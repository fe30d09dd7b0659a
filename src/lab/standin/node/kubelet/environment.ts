import { type ApiClient, ApiError, type ApiObject, type NodeContext } from '../../context.ts'
import type { ContainerDefinition, EnvVar, Pod } from './pod.ts'

/** The container cannot be started as it is defined: status CreateContainerConfigError. */
export class ConfigError extends Error {}

/** A ConfigMap's or Secret's text values; null when it is not there. */
export async function readKeys(
  api: ApiClient,
  kind: 'configmaps' | 'secrets',
  namespace: string,
  name: string,
): Promise<Record<string, string> | null> {
  let object: ApiObject
  try {
    object = await api.get(`/api/v1/namespaces/${namespace}/${kind}/${name}`)
  } catch (error) {
    if (error instanceof ApiError && error.code === 404) return null
    throw error
  }
  const data = (object.data ?? {}) as Record<string, string>
  if (kind === 'configmaps') return data
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]))
}

/** A container's environment: the cluster's variables, envFrom, env with references and `$(NAME)` resolved. */
export async function environmentOf(
  context: NodeContext,
  pod: Pod,
  container: ContainerDefinition,
  podIp: string,
): Promise<Record<string, string>> {
  const { api, nodeName, nodeIp, cluster } = context
  const env: Record<string, string> = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    HOSTNAME: pod.hostNetwork ? nodeName : pod.name,
    KUBERNETES_SERVICE_HOST: cluster.serviceCidr.replace(/\.\d+\/\d+$/, '.1'),
    KUBERNETES_SERVICE_PORT: '443',
    POD_NAME: pod.name,
    POD_NAMESPACE: pod.namespace,
    NODE_NAME: nodeName,
    NODE_IP: nodeIp,
    CONTAINER_NAME: container.name,
    STANDIN_VOLUMES: volumeFolder(pod.uid),
  }
  for (const source of container.envFrom ?? []) {
    const reference = source.configMapRef ?? source.secretRef
    if (reference === undefined) continue
    const kind = source.configMapRef === undefined ? 'secrets' : 'configmaps'
    const keys = await readKeys(api, kind, pod.namespace, reference.name)
    if (keys === null && reference.optional !== true)
      throw new ConfigError(`${kind.slice(0, -1)} "${reference.name}" not found`)
    for (const [key, value] of Object.entries(keys ?? {})) env[`${source.prefix ?? ''}${key}`] = value
  }
  for (const variable of container.env ?? []) {
    const value = await variableValue(context, pod, variable, podIp)
    if (value !== null)
      env[variable.name] = value.replace(/\$\(([A-Za-z_][A-Za-z0-9_]*)\)/g, (whole, name: string) => env[name] ?? whole)
  }
  return env
}

export function volumeFolder(uid: string): string {
  return `/var/lib/kubelet/pods/${uid}/volumes/standin`
}

async function variableValue(context: NodeContext, pod: Pod, variable: EnvVar, podIp: string): Promise<string | null> {
  const source = variable.valueFrom
  if (source === undefined) return variable.value ?? ''
  if (source.fieldRef !== undefined) return fieldOf(context, pod, source.fieldRef.fieldPath, podIp)
  const reference = source.configMapKeyRef ?? source.secretKeyRef
  if (reference === undefined) return ''
  const kind = source.configMapKeyRef === undefined ? 'secrets' : 'configmaps'
  const value = (await readKeys(context.api, kind, pod.namespace, reference.name))?.[reference.key]
  if (value !== undefined) return value
  if (reference.optional === true) return null
  throw new ConfigError(`couldn't find key ${reference.key} in ${kind.slice(0, -1)} ${pod.namespace}/${reference.name}`)
}

function fieldOf(context: NodeContext, pod: Pod, path: string, podIp: string): string {
  const keyed = path.match(/^metadata\.(labels|annotations)\['(.+)'\]$/)
  if (keyed !== null) {
    const map = keyed[1] === 'labels' ? pod.object.metadata.labels : pod.object.metadata.annotations
    return map?.[keyed[2] ?? ''] ?? ''
  }
  const fields: Record<string, string> = {
    'metadata.name': pod.name,
    'metadata.namespace': pod.namespace,
    'metadata.uid': pod.uid,
    'spec.nodeName': context.nodeName,
    'spec.serviceAccountName': String(pod.object.spec?.serviceAccountName ?? 'default'),
    'status.hostIP': context.nodeIp,
    'status.podIP': podIp,
    'status.podIPs': podIp,
  }
  const value = fields[path]
  if (value === undefined) throw new ConfigError(`unsupported fieldPath: ${path}`)
  return value
}
