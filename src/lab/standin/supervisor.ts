import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { readBody, sendJson } from './api/handler.ts'
import { statusOf } from './api/status.ts'
import { ApiError } from './context.ts'
import { read } from './server-files.ts'
import { version } from './settings.ts'

/** What stands behind a server's ports; parts appear as the server comes up. */
export interface Serving {
  password: string
  /** Answers the Kubernetes API, once there is one. */
  api: ((request: IncomingMessage, response: ServerResponse) => Promise<void>) | undefined
  /** Whether etcd answers a read that needs a leader. */
  healthy: () => Promise<boolean>
  config: () => object
  bootstrap: () => object
  members: () => Promise<object>
  nodeCertificates: (nodeName: string, nodeIp: string) => Promise<object>
  snapshot: (name: string) => Promise<object>
}

/** One TLS listener for the supervisor and the API, as K3s' port 6443 is; 6444 on the loopback is the same. */
export async function listen(serving: Serving, port: number, host?: string): Promise<Server> {
  const server = createServer(
    {
      cert: read('serving-kube-apiserver.crt'),
      key: read('serving-kube-apiserver.key'),
      ca: read('client-ca.crt'),
      requestCert: true,
      rejectUnauthorized: false,
      // Watches are silent for long.
      requestTimeout: 0,
      keepAliveTimeout: 60_000,
    },
    (request, response) => {
      route(serving, request, response).catch((error: unknown) => {
        const { code, body } = statusOf(error)
        if (response.headersSent) response.end()
        else sendJson(response, code, body)
      })
    },
  )
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(host === undefined ? { port } : { port, host }, resolve)
  await promise
  return server
}

async function route(serving: Serving, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'https://localhost')
  const text = (code: number, body: string) => {
    response.writeHead(code, { 'content-type': 'text/plain' })
    response.end(body)
  }
  if (pathname === '/ping') return text(200, 'pong')
  if (pathname === '/cacerts') return text(200, read('server-ca.crt'))
  const certified = (request.socket as TLSSocket).authorized
  if (!certified && !hasPassword(request, serving.password)) throw new ApiError(401, 'Unauthorized')
  if (pathname.startsWith('/v1-k3s/') || pathname.startsWith('/db/'))
    return supervise(serving, pathname, request, response)
  if (!certified) throw new ApiError(401, 'Unauthorized')
  if (!serving.api) throw new ApiError(503, 'the server is currently unable to handle the request')
  if (['/readyz', '/livez', '/healthz'].includes(pathname)) {
    const good = await serving.healthy()
    return text(good ? 200 : 500, healthText(pathname.slice(1), good, searchParams.has('verbose')))
  }
  if (pathname === '/version') return sendJson(response, 200, versionInfo())
  await serving.api(request, response)
}

async function supervise(
  serving: Serving,
  pathname: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (pathname === '/v1-k3s/config') return sendJson(response, 200, serving.config())
  if (pathname === '/v1-k3s/server-bootstrap') return sendJson(response, 200, serving.bootstrap())
  if (pathname === '/db/info') return sendJson(response, 200, await serving.members())
  if (!serving.api) throw new ApiError(503, 'runtime core not ready')
  if (pathname === '/v1-k3s/readyz') {
    if (!(await serving.healthy())) throw new ApiError(503, 'runtime core not ready')
    response.end('ok')
    return
  }
  const body = await readBody(request)
  if (pathname === '/v1-k3s/node-certificates')
    return sendJson(response, 200, await serving.nodeCertificates(String(body.nodeName), String(body.nodeIp)))
  if (pathname === '/db/snapshot' && request.method === 'POST')
    return sendJson(response, 200, await serving.snapshot(String(body.name)))
  throw new ApiError(404, 'not found')
}

function hasPassword(request: IncomingMessage, password: string): boolean {
  const given = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
  return (
    Buffer.from(given, 'base64')
      .toString('utf8')
      .replace(/^[^:]*:/, '') === password
  )
}

const healthChecks = [
  'ping',
  'log',
  'etcd',
  'etcd-readiness',
  'informer-sync',
  'poststarthook/start-apiextensions-controllers',
  'shutdown',
]

/** The text of /readyz, by check when asked for. */
export function healthText(name: string, good: boolean, verbose: boolean): string {
  if (good && !verbose) return 'ok'
  const lines = healthChecks.map((check) =>
    good || !check.startsWith('etcd') ? `[+]${check} ok` : `[-]${check} failed: reason withheld`,
  )
  return `${lines.join('\n')}\n${name} check ${good ? 'passed' : 'failed'}\n`
}

function versionInfo(): object {
  const [major, minor] = version.slice(1).split('.')
  return { major, minor, gitVersion: version, gitTreeState: 'clean', platform: 'linux/amd64' }
}
