import { gunzipSync, gzipSync } from 'node:zlib'
import { parseAllDocuments, stringify } from 'yaml'
import { type ApiClient, ApiError, type ApiObject } from '../context.ts'

export type ReleaseStatus =
  | 'pending-install'
  | 'pending-upgrade'
  | 'deployed'
  | 'superseded'
  | 'failed'
  | 'uninstalling'

export interface Release {
  name: string
  namespace: string
  revision: number
  status: ReleaseStatus
  chartVersion: string
  values: Record<string, unknown>
  objects: ApiObject[]
}

const secrets = (namespace: string) => `/api/v1/namespaces/${namespace}/secrets`
const secretName = ({ name, revision }: Pick<Release, 'name' | 'revision'>) => `sh.helm.release.v1.${name}.v${revision}`

/** A release as helm's secret driver stores it: JSON, gzip, base64, and base64 again as every Secret's value. */
export function releaseSecret(release: Release, now: Date): ApiObject {
  const { name, namespace, revision, status } = release
  const record = {
    name,
    info: {
      status,
      last_deployed: now.toISOString(),
      description: status === 'deployed' ? 'Install complete' : status,
    },
    chart: { metadata: { name: 'cilium', version: release.chartVersion, appVersion: release.chartVersion } },
    config: release.values,
    manifest: release.objects.map((object) => `---\n${stringify(object)}`).join(''),
    version: revision,
    namespace,
  }
  const packed = gzipSync(JSON.stringify(record)).toString('base64')
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'helm.sh/release.v1',
    metadata: {
      name: secretName(release),
      namespace,
      labels: {
        modifiedAt: `${Math.floor(now.getTime() / 1000)}`,
        name,
        owner: 'helm',
        status,
        version: `${revision}`,
      },
    },
    data: { release: Buffer.from(packed).toString('base64') },
  }
}

function parseSecret(secret: ApiObject): Release {
  const packed = Buffer.from(String(secret.data?.release ?? ''), 'base64').toString()
  const record = JSON.parse(gunzipSync(Buffer.from(packed, 'base64')).toString())
  return {
    name: record.name,
    namespace: record.namespace,
    revision: record.version,
    status: record.info.status,
    chartVersion: record.chart.metadata.version,
    values: record.config,
    objects: parseAllDocuments(String(record.manifest)).map((document) => document.toJS() as ApiObject),
  }
}

/** All revisions of a release, newest first. */
export async function releases(api: ApiClient, namespace: string, name: string): Promise<Release[]> {
  const selector = encodeURIComponent(`owner=helm,name=${name}`)
  const found = await api.list(`${secrets(namespace)}?labelSelector=${selector}`)
  return found.map(parseSecret).sort((a, b) => b.revision - a.revision)
}

export async function saveRelease(api: ApiClient, release: Release): Promise<void> {
  const secret = releaseSecret(release, new Date())
  try {
    await api.create(secrets(release.namespace), secret)
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 409)) throw error
    const path = `${secrets(release.namespace)}/${secretName(release)}`
    await api.replace(path, secret)
  }
}

export async function forgetRelease(api: ApiClient, release: Release): Promise<void> {
  await api.delete(`${secrets(release.namespace)}/${secretName(release)}`)
}
