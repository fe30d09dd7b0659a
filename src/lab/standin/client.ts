import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { type ApiClient, ApiError, type ApiObject, type Informer, paths } from './context.ts'

export interface ClientAccess {
  host: string
  port: number
  /** PEM texts. */
  ca: string
  cert: string
  key: string
}

const callTimeoutMs = 15_000
/** A watch is opened again after this time, so that one whose server has gone silent is not waited on for ever. */
const watchSeconds = 240

/** The node's own way to the API: over the loopback port, with the kubelet's certificate. */
export function nodeClient(): Client {
  const read = (file: string) => readFileSync(`${paths.data}/agent/${file}`, 'utf8')
  return new Client({
    host: '127.0.0.1',
    port: 6444,
    ca: read('server-ca.crt'),
    cert: read('client-kubelet.crt'),
    key: read('client-kubelet.key'),
  })
}

export class Client implements ApiClient {
  private readonly access: ClientAccess
  private readonly agent: Agent

  constructor(access: ClientAccess) {
    this.access = access
    this.agent = new Agent({ keepAlive: true, maxSockets: 16, timeout: 60_000 })
  }

  get(path: string): Promise<ApiObject> {
    return this.call('GET', path)
  }

  async list(path: string): Promise<ApiObject[]> {
    return (await this.listAt(path)).items
  }

  create(path: string, object: ApiObject): Promise<ApiObject> {
    return this.call('POST', path, object)
  }

  replace(path: string, object: ApiObject): Promise<ApiObject> {
    return this.call('PUT', path, object)
  }

  patch(path: string, patch: object): Promise<ApiObject> {
    return this.call('PATCH', path, patch, 'application/merge-patch+json')
  }

  /** Any other kind of patch, by its content type. */
  patchAs(path: string, patch: object, type: string): Promise<ApiObject> {
    return this.call('PATCH', path, patch, type)
  }

  /** Server-side apply in the API's sense: created, or merged into what is there. */
  apply(path: string, object: object): Promise<ApiObject> {
    return this.call('PATCH', path, object, 'application/apply-patch+yaml')
  }

  async delete(path: string): Promise<void> {
    await this.call('DELETE', path)
  }

  /** The body as text, of a path that does not answer JSON. */
  async raw(path: string): Promise<string> {
    return this.text('GET', path)
  }

  informer(path: string, options: { signal: AbortSignal; onChange: () => void }): Informer {
    const objects = new Map<string, ApiObject>()
    const synced = Promise.withResolvers<void>()
    void this.follow(path, objects, options, synced.resolve)
    return { synced: synced.promise, items: () => [...objects.values()] }
  }

  private async follow(
    path: string,
    objects: Map<string, ApiObject>,
    { signal, onChange }: { signal: AbortSignal; onChange: () => void },
    synced: () => void,
  ): Promise<void> {
    let version: string | undefined
    while (!signal.aborted) {
      try {
        if (version === undefined) {
          const { items, resourceVersion } = await this.listAt(path)
          objects.clear()
          for (const item of items) objects.set(keyOf(item), item)
          version = resourceVersion
          onChange()
          synced()
        }
        for await (const event of this.watch(path, version, signal)) {
          if (event.type === 'ERROR') throw new ApiError(event.object.code ?? 500, String(event.object.message))
          version = event.object.metadata.resourceVersion ?? version
          if (event.type === 'BOOKMARK') continue
          if (event.type === 'DELETED') objects.delete(keyOf(event.object))
          else objects.set(keyOf(event.object), event.object)
          onChange()
        }
      } catch (error) {
        if (error instanceof ApiError && error.code === 410) version = undefined
        // The API may be away for minutes while K3s restarts elsewhere; a second between tries is what client-go takes.
        else await delay(1000, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  private async *watch(
    path: string,
    version: string,
    signal: AbortSignal,
  ): AsyncGenerator<{ type: string; object: ApiObject }> {
    const query = `watch=true&resourceVersion=${version}&allowWatchBookmarks=true&timeoutSeconds=${watchSeconds}`
    const response = await this.send(
      'GET',
      `${path}${path.includes('?') ? '&' : '?'}${query}`,
      undefined,
      undefined,
      signal,
    )
    if (response.statusCode !== 200) throw new ApiError(response.statusCode ?? 500, await readText(response))
    for await (const line of createInterface({ input: response })) yield JSON.parse(line)
  }

  private async listAt(path: string): Promise<{ items: ApiObject[]; resourceVersion: string }> {
    const list: ApiObject & { items?: ApiObject[] } = await this.call('GET', path)
    const kind = list.kind.replace(/List$/, '')
    const items = (list.items ?? []).map((item) => ({ ...item, apiVersion: list.apiVersion, kind }))
    return { items, resourceVersion: list.metadata.resourceVersion ?? '' }
  }

  private async call<T = ApiObject>(method: string, path: string, body?: object, type?: string): Promise<T> {
    return JSON.parse(await this.text(method, path, body, type))
  }

  private async text(method: string, path: string, body?: object, type = 'application/json'): Promise<string> {
    const response = await this.send(method, path, body, type, AbortSignal.timeout(callTimeoutMs))
    const text = await readText(response)
    if ((response.statusCode ?? 500) < 300) return text
    throw new ApiError(response.statusCode ?? 500, messageOf(text))
  }

  private send(
    method: string,
    path: string,
    body: object | undefined,
    type: string | undefined,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const { host, port, ca, cert, key } = this.access
    const headers = { accept: 'application/json', ...(body ? { 'content-type': type } : {}) }
    const outgoing = request({ host, port, path, method, ca, cert, key, headers, agent: this.agent, signal }, resolve)
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
    return promise
  }
}

const keyOf = (object: ApiObject) => `${object.metadata.namespace ?? ''}/${object.metadata.name}`

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

function messageOf(text: string): string {
  try {
    return String(JSON.parse(text).message ?? text)
  } catch {
    return text
  }
}
