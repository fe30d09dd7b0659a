import { connect } from 'node:net'
import { type ContainerDefinition, portNumber } from './pod.ts'

const timeoutMs = 1000

/** Asks a container's readiness probe once. Probes of other kinds than httpGet and tcpSocket count as passed. */
export async function isReady(container: ContainerDefinition, podIp: string): Promise<boolean> {
  const { httpGet, tcpSocket } = container.readinessProbe ?? {}
  const target = httpGet ?? tcpSocket
  if (target === undefined) return true
  const port = portNumber(container, target.port)
  if (port === null) return false
  const host = target.host ?? podIp
  if (httpGet === undefined) return canConnect(host, port)
  try {
    const path = httpGet.path ?? '/'
    const response = await fetch(`http://${host}:${port}${path.startsWith('/') ? path : `/${path}`}`, {
      signal: AbortSignal.timeout(timeoutMs),
      redirect: 'manual',
    })
    await response.body?.cancel()
    return response.status >= 200 && response.status < 400
  } catch {
    return false
  }
}

function canConnect(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs })
    const end = (result: boolean): void => {
      socket.destroy()
      resolve(result)
    }
    socket.on('connect', () => end(true))
    socket.on('error', () => end(false))
    socket.on('timeout', () => end(false))
  })
}
