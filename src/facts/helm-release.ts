import { gunzipSync } from 'node:zlib'
import { stringify } from 'yaml'
import { z } from 'zod'
import { FailedError } from '../errors.ts'
import type { KubeApi, KubeObject } from '../kube/api.ts'

const secret = z.object({
  metadata: z.object({ labels: z.object({ version: z.coerce.number().int() }) }),
  data: z.object({ release: z.base64() }),
})
const record = z.object({
  chart: z.object({ metadata: z.object({ version: z.string() }) }),
  /** The values that were given; absent when there were none. */
  config: z.record(z.string(), z.unknown()).nullish(),
})

/** A release holds its chart; Cilium's is some hundred KiB. */
const maxBytes = 32 * 1024 ** 2

/**
 * The release `name` as helm keeps it: a Secret for each revision, JSON in gzip in base64, and that as every Secret's value
 * in base64 (helm's storage/driver/util.go). null: nothing of that name is deployed.
 * @throws FailedError naming the Secret when it cannot be understood
 */
export async function readHelmRelease(
  api: KubeApi,
  namespace: string,
  name: string,
): Promise<{ version: string; values: string } | null> {
  const labelSelector = `owner=helm,name=${name},status=deployed`
  const found = await api.list({ apiVersion: 'v1', kind: 'Secret' }, { namespace, labelSelector })
  const newest = found
    .map((object) => understood(object, () => ({ object, revision: secret.parse(object).metadata.labels.version })))
    .toSorted((a, b) => b.revision - a.revision)[0]
  return newest === undefined ? null : understood(newest.object, () => unpack(newest.object))
}

function unpack(object: KubeObject): { version: string; values: string } {
  const packed = Buffer.from(secret.parse(object).data.release, 'base64').toString('latin1')
  const text = gunzipSync(Buffer.from(packed, 'base64'), { maxOutputLength: maxBytes }).toString('utf8')
  const { chart, config } = record.parse(JSON.parse(text))
  return { version: chart.metadata.version, values: stringify(config ?? {}, { lineWidth: 0 }) }
}

function understood<T>({ metadata }: KubeObject, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : error instanceof Error ? error.message : error
    throw new FailedError(
      `Secret ${metadata.namespace}/${metadata.name} is not a release as helm keeps it: ${why}`,
      { next: 'helm history cilium -n kube-system shows what helm makes of it' },
      error,
    )
  }
}
