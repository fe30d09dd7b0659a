import { createConfiguration, KubernetesObjectApi, PatchStrategy, ServerConfiguration } from '@kubernetes/client-node'
import { request } from 'undici'
import { FailedError } from '../errors.ts'
import type { Node } from '../nodes/node.ts'
import type { KindRef, KubeApi, KubeObject } from './api.ts'
import { KubeError, KubeUnreachableError } from './errors.ts'
import { lines } from './lines.ts'
import { fromModel, toModel } from './model-names.ts'
import { objectPath } from './object-path.ts'
import { tunnel } from './tunnel.ts'

const origin = 'https://127.0.0.1'
const unknownKind = /Unrecognized API version and kind/

/** Dates and micro-times become strings again, as the API sent them. */
const plain = <T>(value: unknown): T => JSON.parse(JSON.stringify(value)) as T

/** What the API answered with. */
const sent = (value: unknown): KubeObject => fromModel(plain<KubeObject>(value))

/** The API's own words out of whatever a failed call threw. */
function asKubeError(error: unknown, what: string): Error {
  if (error instanceof KubeError || error instanceof KubeUnreachableError) return error
  const code = (error as { code?: unknown }).code
  if (typeof code === 'number') {
    const body = (error as { body?: unknown }).body
    return new KubeError(code, `${what}: ${wordsOf(code, body)}`)
  }
  if (error instanceof Error && unknownKind.test(error.message)) return new KubeError(404, `${what}: ${error.message}`)
  const cause = (error as { cause?: unknown }).cause
  if (cause instanceof KubeUnreachableError) return cause
  return new KubeUnreachableError(
    `${what}: ${cause instanceof Error ? cause.message : error instanceof Error ? error.message : String(error)}`,
  )
}

/** A Status object's message, however it came. */
function wordsOf(code: number, body: unknown): string {
  const parsed = typeof body === 'string' ? safeJson(body) : body
  const message = (parsed as { message?: unknown } | undefined)?.message
  return typeof message === 'string' ? message : `HTTP ${code}`
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The API of the cluster whose servers are given, through SSH. Connects with the first call. */
export function openKube(servers: readonly Node[]): KubeApi {
  const { dispatcher, rotate } = tunnel(servers)
  const objects = new KubernetesObjectApi(
    createConfiguration({
      baseServer: new ServerConfiguration(origin, {}),
      authMethods: {
        default: {
          getName: () => 'client certificate over SSH',
          applySecurityAuthentication: (context) => {
            context.setDispatcher(dispatcher)
          },
        },
      },
    }),
  )

  const call = async <T>(what: string, run: () => Promise<T>): Promise<T> => {
    try {
      return await run()
    } catch (error) {
      const known = asKubeError(error, what)
      // A server that accepts connections but has no leader must not be asked for ever.
      if (known instanceof KubeUnreachableError || (known instanceof KubeError && known.status >= 500)) rotate()
      throw known
    }
  }
  const orNull = async <T>(run: () => Promise<T>): Promise<T | null> => {
    try {
      return await run()
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return null
      throw error
    }
  }
  const header = (kind: KindRef, name: string, namespace?: string) => ({
    ...kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
  })

  return {
    async list(kind, options = {}) {
      const what = `list ${kind.kind}`
      const result = await orNull(() =>
        call(what, () =>
          objects.list(
            kind.apiVersion,
            kind.kind,
            options.namespace,
            undefined,
            undefined,
            undefined,
            undefined,
            options.labelSelector,
          ),
        ),
      )
      return result
        ? (plain<{ items?: KubeObject[] }>(result).items ?? []).map((item) => fromModel({ ...item, ...kind }))
        : []
    },
    async get(kind, name, namespace) {
      const result = await orNull(() =>
        call(`get ${kind.kind} ${name}`, () => objects.read(header(kind, name, namespace))),
      )
      return result ? fromModel(plain<KubeObject>(result)) : null
    },
    async create(object) {
      return sent(
        await call(`create ${object.kind} ${object.metadata.name}`, () =>
          objects.create(toModel(plain<KubeObject>(object)) as never),
        ),
      )
    },
    async patch(kind, name, namespace, patch) {
      const body = { ...patch, ...header(kind, name, namespace) } as KubeObject
      const metadata = { ...(patch as { metadata?: object }).metadata, ...body.metadata }
      return sent(
        await call(`patch ${kind.kind} ${name}`, () =>
          objects.patch(
            toModel({ ...body, metadata }) as never,
            undefined,
            undefined,
            undefined,
            undefined,
            PatchStrategy.MergePatch,
          ),
        ),
      )
    },
    async replace(object) {
      return sent(
        await call(`replace ${object.kind} ${object.metadata.name}`, () =>
          objects.replace(toModel(plain<KubeObject>(object)) as never),
        ),
      )
    },
    async delete(kind, name, namespace, options) {
      // Where there is a body, the API reads nothing of the query.
      const propagationPolicy = 'Background'
      const body = options && {
        propagationPolicy,
        gracePeriodSeconds: options.graceSeconds,
        preconditions: { uid: options.uid },
      }
      await orNull(() =>
        call(`delete ${kind.kind} ${name}`, () =>
          objects.delete(
            header(kind, name, namespace),
            undefined,
            undefined,
            undefined,
            undefined,
            propagationPolicy,
            body,
          ),
        ),
      )
    },
    async finalize(namespace) {
      const place = { apiVersion: 'v1', plural: 'namespaces', namespace: null, name: namespace.metadata.name }
      const path = `${objectPath(place)}/finalize`
      const what = `finalize Namespace ${namespace.metadata.name}`
      await call(what, async () => {
        const headers = { 'content-type': 'application/json' }
        const sending = { dispatcher, method: 'PUT', headers, body: JSON.stringify(namespace) } as const
        const { statusCode, body } = await request(origin + path, sending)
        const text = await body.text()
        if (statusCode !== 200) throw new KubeError(statusCode, `${what}: ${wordsOf(statusCode, text)}`)
      })
    },
    async raw(path) {
      return await call(`GET ${path}`, async () => {
        const response = await request(origin + path, { dispatcher })
        return { status: response.statusCode, body: await response.body.text() }
      })
    },
    async *follow(path, { idleMs, signal }) {
      const what = `GET ${path}`
      const { statusCode, body } = await call(what, () =>
        request(origin + path, { dispatcher, bodyTimeout: idleMs, ...(signal ? { signal } : {}) }),
      )
      if (statusCode !== 200) throw new KubeError(statusCode, `${what}: ${wordsOf(statusCode, await body.text())}`)
      try {
        for await (const line of lines(body)) yield safeJson(line)
      } catch (error) {
        throw asKubeError(error, what)
      }
    },
    async close() {
      await dispatcher.destroy()
    },
  }
}

/** The same API with everything refused that changes the cluster: what planning gets. */
export function readOnlyKube(api: KubeApi): KubeApi {
  const refuse = (what: string) => () =>
    Promise.reject(
      new FailedError(`refused while only looking: ${what} would change the cluster`, {
        next: 'this is a mistake in the program: please report it',
      }),
    )
  return {
    ...api,
    create: refuse('create'),
    patch: refuse('patch'),
    replace: refuse('replace'),
    delete: refuse('delete'),
    finalize: refuse('finalize'),
  }
}
