import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { createServer, request, type Server } from 'node:http'
import { dirname } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Runtime } from './runtime.ts'
import type { SandboxState } from './state.ts'

/** Where K3s' containerd listens. The stand-in speaks HTTP on it, for its own crictl and ctr alone. */
export const runtimeSocket = '/run/k3s/containerd/containerd.sock'

export interface RuntimeMethods {
  sandboxes: { input: Record<string, never>; output: SandboxState[] }
  images: { input: Record<string, never>; output: string[] }
  stop: { input: { id: string }; output: null }
  remove: { input: { id: string }; output: null }
  pull: { input: { image: string }; output: string }
  removeImage: { input: { image: string }; output: null }
  import: { input: { images: string[] }; output: null }
}

type Handlers = {
  [M in keyof RuntimeMethods]: (input: RuntimeMethods[M]['input']) => Promise<RuntimeMethods[M]['output']>
}

/** Serves the runtime to crictl. The socket lives with K3s, as containerd's does: a stopped K3s leaves nobody behind it. */
export async function serveRuntime(runtime: Runtime): Promise<Server> {
  const handlers: Handlers = {
    sandboxes: async () => {
      await runtime.refresh()
      return runtime.sandboxes()
    },
    images: () => runtime.images.list(),
    stop: async ({ id }) => {
      await runtime.stopSandbox(runtime.find(id).id)
      return null
    },
    remove: async ({ id }) => {
      const sandbox = runtime.find(id)
      if (sandbox.ready) throw new Error(`sandbox container "${sandbox.id}" is not fully stopped`)
      await runtime.removeSandbox(sandbox.id)
      return null
    },
    pull: ({ image }) => runtime.images.pull(image),
    removeImage: async ({ image }) => {
      await runtime.images.remove(image)
      return null
    },
    import: async ({ images }) => {
      await runtime.images.add(images)
      return null
    },
  }
  const server = createServer((incoming, response) => {
    const reply = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    const handler = handlers[incoming.url?.slice(1) as keyof Handlers] as
      | ((input: unknown) => Promise<unknown>)
      | undefined
    if (handler === undefined) return reply(404, { error: `unknown method ${incoming.url}` })
    text(incoming)
      .then(async (body) => reply(200, await handler(JSON.parse(body))))
      .catch((error) => reply(500, { error: error instanceof Error ? error.message : String(error) }))
  })
  await mkdir(dirname(runtimeSocket), { recursive: true })
  await rm(runtimeSocket, { force: true })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(runtimeSocket, resolve)
  })
  return server
}

/** The runtime could not be reached: K3s, and containerd with it, is not running. */
export class RuntimeDown extends Error {}

export function callRuntime<M extends keyof RuntimeMethods>(
  method: M,
  input: RuntimeMethods[M]['input'],
): Promise<RuntimeMethods[M]['output']> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: runtimeSocket, path: `/${method}`, method: 'POST' }, (response) => {
      text(response)
        .then((body) => {
          const value = JSON.parse(body) as RuntimeMethods[M]['output'] & { error?: string }
          if (response.statusCode === 200) resolve(value)
          else reject(new Error(value?.error ?? `status ${response.statusCode}`))
        })
        .catch(reject)
    })
    outgoing.on('error', () => {
      const reason = existsSync(runtimeSocket) ? 'connect: connection refused' : 'connect: no such file or directory'
      reject(
        new RuntimeDown(
          `rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix ${runtimeSocket}: ${reason}"`,
        ),
      )
    })
    outgoing.end(JSON.stringify(input))
  })
}
