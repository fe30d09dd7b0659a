import type { ChildProcess } from 'node:child_process'
import { type ApiClient, ApiError, type ApiObject, type Informer } from '../../../src/lab/standin/context.ts'

interface Request {
  id: number
  method: 'get' | 'list' | 'create' | 'replace' | 'patch' | 'delete' | 'informer'
  path: string
  body?: object
}

type Reply = { id: number; value?: unknown; error?: { code: number; message: string }; items?: ApiObject[] }

/** Lets a child process use this API over its IPC channel. */
export function serveApi(child: ChildProcess, api: ApiClient, signal: AbortSignal): void {
  const send = (reply: Reply): void => {
    if (child.connected) child.send(reply, () => undefined)
  }
  child.on('message', (message) => {
    const { id, method, path, body } = message as Request
    if (method === 'informer') {
      const informer = api.informer(path, { signal, onChange: () => send({ id, items: informer.items() }) })
      return
    }
    const call = (api[method] as (path: string, body?: object) => Promise<unknown>).call(api, path, body)
    call.then(
      (value) => send({ id, value }),
      (error: unknown) =>
        send({ id, error: { code: error instanceof ApiError ? error.code : 500, message: String(error) } }),
    )
  })
}

/** The child's side. */
export class RemoteApi implements ApiClient {
  private next = 1
  private readonly waiting = new Map<number, (reply: Reply) => void>()

  constructor() {
    process.on('message', (message) => {
      const reply = message as Reply
      this.waiting.get(reply.id)?.(reply)
    })
  }

  private call<T>(method: Request['method'], path: string, body?: object): Promise<T> {
    const id = this.next++
    return new Promise((resolve, reject) => {
      this.waiting.set(id, ({ value, error }) => {
        this.waiting.delete(id)
        if (error === undefined) resolve(value as T)
        else reject(new ApiError(error.code, error.message))
      })
      process.send?.({ id, method, path, ...(body === undefined ? {} : { body }) })
    })
  }

  get = (path: string): Promise<ApiObject> => this.call('get', path)
  list = (path: string): Promise<ApiObject[]> => this.call('list', path)
  create = (path: string, object: ApiObject): Promise<ApiObject> => this.call('create', path, object)
  replace = (path: string, object: ApiObject): Promise<ApiObject> => this.call('replace', path, object)
  patch = (path: string, patch: object): Promise<ApiObject> => this.call('patch', path, patch)
  delete = (path: string): Promise<void> => this.call('delete', path)

  informer(path: string, { onChange }: { signal: AbortSignal; onChange: () => void }): Informer {
    const id = this.next++
    const { promise, resolve } = Promise.withResolvers<void>()
    let items: ApiObject[] = []
    this.waiting.set(id, (reply) => {
      items = reply.items ?? []
      onChange()
      resolve()
    })
    process.send?.({ id, method: 'informer', path })
    return { synced: promise, items: () => items }
  }
}
