import { readdirSync, readFileSync } from 'node:fs'
import { createServer, request } from 'node:https'
import { ApiError, type ApiObject, paths } from './context.ts'

const logs = '/var/log/pods'
const port = 10250

/** The kubelet's port, for one thing only: a container's log, asked for by the API server. */
export async function serveKubelet(): Promise<void> {
  const read = (file: string) => readFileSync(`${paths.data}/agent/${file}`)
  const server = createServer(
    {
      cert: read('serving-kubelet.crt'),
      key: read('serving-kubelet.key'),
      ca: read('client-ca.crt'),
      requestCert: true,
      rejectUnauthorized: true,
    },
    (incoming, response) => {
      const { pathname, searchParams } = new URL(incoming.url ?? '/', 'https://localhost')
      const match = /^\/containerLogs\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(pathname)
      const tail = searchParams.get('tailLines')
      const text =
        match && readLog(match[1] ?? '', match[2] ?? '', match[3] ?? '', tail === null ? undefined : Number(tail))
      response.writeHead(text === undefined || text === null ? 404 : 200, { 'content-type': 'text/plain' })
      response.end(text ?? '')
    },
  )
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ port }, resolve)
  await promise
}

/** Lines of the container's newest log, without the runtime's `time stream tag` in front. */
export function readLog(namespace: string, pod: string, container: string, tailLines?: number): string | undefined {
  try {
    const folder = readdirSync(logs).find((name) => name.startsWith(`${namespace}_${pod}_`))
    const files = readdirSync(`${logs}/${folder}/${container}`).sort(
      (one, two) => Number.parseInt(one, 10) - Number.parseInt(two, 10),
    )
    const lines = readFileSync(`${logs}/${folder}/${container}/${files.at(-1)}`, 'utf8').split('\n')
    const plain = lines.map((line) => line.replace(/^\d{4}-\S+ (?:stdout|stderr) [FP] /, ''))
    return tailLines === undefined ? plain.join('\n') : plain.slice(-tailLines - 1).join('\n')
  } catch {
    return undefined
  }
}

/** Asks the kubelet of a pod's node for a container's log. */
export async function fetchLog(
  access: { cert: string; key: string; ca: string },
  nodeIp: string,
  pod: ApiObject,
  container: string,
  tailLines: number | undefined,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const query = tailLines === undefined ? '' : `?tailLines=${tailLines}`
  const path = `/containerLogs/${pod.metadata.namespace}/${pod.metadata.name}/${container}${query}`
  const outgoing = request({ ...access, host: nodeIp, port, path, signal: AbortSignal.timeout(10_000) }, (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      text += chunk
    })
    response.on('end', () => {
      if (response.statusCode === 200) resolve(text)
      else reject(new ApiError(400, `container "${container}" in pod "${pod.metadata.name}" is waiting to start`))
    })
  })
  outgoing.on('error', reject)
  outgoing.end()
  return promise
}
