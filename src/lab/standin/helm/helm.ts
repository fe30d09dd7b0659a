import { type ApiClient, ApiError, type ApiObject } from '../context.ts'
import { renderChart } from './chart.ts'
import { forgetRelease, type Release, releases, saveRelease } from './release.ts'
import { upgradePatch } from './three-way.ts'
import { ChartError, parseValues } from './values.ts'

export interface ReleaseRequest {
  name: string
  namespace: string
  version: string
  values: Record<string, unknown>
}

const plurals: Record<string, string> = {
  ServiceAccount: 'serviceaccounts',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  ConfigMap: 'configmaps',
  DaemonSet: 'daemonsets',
  Deployment: 'deployments',
}

function collectionOf({ apiVersion, kind, metadata }: ApiObject): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const namespace = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`
  return `${root}${namespace}/${plurals[kind]}`
}

const pathOf = (object: ApiObject) => `${collectionOf(object)}/${object.metadata.name}`

const missing = (error: unknown) => error instanceof ApiError && error.code === 404

async function existing(api: ApiClient, object: ApiObject): Promise<ApiObject | null> {
  try {
    return await api.get(pathOf(object))
  } catch (error) {
    if (missing(error)) return null
    throw error
  }
}

function owned(object: ApiObject, { name, namespace }: ReleaseRequest): ApiObject {
  const { metadata } = object
  return {
    ...object,
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, 'app.kubernetes.io/managed-by': 'Helm' },
      annotations: {
        ...metadata.annotations,
        'meta.helm.sh/release-name': name,
        'meta.helm.sh/release-namespace': namespace,
      },
    },
  }
}

/** Helm takes over nothing that another hand made. */
function checkOwner(found: ApiObject, request: ReleaseRequest): void {
  if (found.metadata.annotations?.['meta.helm.sh/release-name'] === request.name) return
  throw new ChartError(
    `Unable to continue with install: ${found.kind} "${found.metadata.name}" in namespace "${found.metadata.namespace ?? ''}" exists and cannot be imported into the current release: invalid ownership metadata; label validation error: missing key "app.kubernetes.io/managed-by": must be set to "Helm"`,
  )
}

/** Installs or upgrades: an upgrade applies everything anew and removes what the chart no longer renders. */
export async function upgradeInstall(api: ApiClient, request: ReleaseRequest): Promise<Release> {
  const [last] = await releases(api, request.namespace, request.name)
  const values = parseValues(request.values)
  const objects = renderChart(values, request).map((object) => owned(object, request))
  const found = new Map<ApiObject, ApiObject | null>()
  for (const object of objects) {
    const present = await existing(api, object)
    if (present !== null) checkOwner(present, request)
    found.set(object, present)
  }
  const release: Release = {
    name: request.name,
    namespace: request.namespace,
    revision: (last?.revision ?? 0) + 1,
    status: last === undefined ? 'pending-install' : 'pending-upgrade',
    chartVersion: request.version,
    values: request.values,
    objects,
  }
  await saveRelease(api, release)
  try {
    for (const [object, present] of found) {
      if (present === null) {
        await api.create(collectionOf(object), object)
        continue
      }
      const old = last?.objects.find((one) => pathOf(one) === pathOf(object))
      const patch = upgradePatch({ ...present }, { ...object }, { ...old })
      if (patch !== undefined) await api.patch(pathOf(object), patch)
    }
    const kept = new Set(objects.map(pathOf))
    for (const object of last?.objects ?? []) if (!kept.has(pathOf(object))) await remove(api, object)
  } catch (error) {
    await saveRelease(api, { ...release, status: 'failed' })
    throw error
  }
  if (last?.status === 'deployed') await saveRelease(api, { ...last, status: 'superseded' })
  const deployed: Release = { ...release, status: 'deployed' }
  await saveRelease(api, deployed)
  return deployed
}

async function remove(api: ApiClient, object: ApiObject): Promise<void> {
  await api.delete(pathOf(object)).catch((error: unknown) => {
    if (!missing(error)) throw error
  })
}

/** Removes the release's objects and nothing else: CRDs, CiliumNodes and everything on the nodes stay. */
export async function uninstall(api: ApiClient, namespace: string, name: string): Promise<void> {
  const all = await releases(api, namespace, name)
  const [last] = all
  if (last === undefined) throw new ChartError(`uninstall: Release not loaded: ${name}: release: not found`)
  for (const object of [...last.objects].reverse()) await remove(api, object)
  for (const release of all) await forgetRelease(api, release)
}
