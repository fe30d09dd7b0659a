import type { Duplex } from 'node:stream'
import { connect as tlsConnect } from 'node:tls'
import { KubeConfig } from '@kubernetes/client-node'
import { Agent } from 'undici'
import { readFile } from '../nodes/files.ts'
import type { Node } from '../nodes/node.ts'
import { KubeUnreachableError } from './errors.ts'

/** K3s writes it on every server, for 127.0.0.1 and with an administrator's certificate (k3s-kube-router.md §8). */
const kubeconfigPath = '/etc/rancher/k3s/k3s.yaml'

interface Credentials {
  ca: Buffer
  cert: Buffer
  key: Buffer
  port: number
}

/** Credentials stay in memory: they are read when first needed and never written. */
async function readCredentials(server: Node): Promise<Credentials> {
  const file = await readFile(server, kubeconfigPath)
  if (!file) throw new KubeUnreachableError(`${server.name}: ${kubeconfigPath} does not exist`, { host: server.name })
  const config = new KubeConfig()
  config.loadFromString(Buffer.from(file.bytes).toString('utf8'))
  const cluster = config.getCurrentCluster()
  const user = config.getCurrentUser()
  if (!cluster?.caData || !user?.certData || !user.keyData)
    throw new KubeUnreachableError(
      `${server.name}: ${kubeconfigPath} has no client certificate, or no certificate authority`,
      {
        host: server.name,
      },
    )
  return {
    ca: Buffer.from(cluster.caData, 'base64'),
    cert: Buffer.from(user.certData, 'base64'),
    key: Buffer.from(user.keyData, 'base64'),
    port: Number(new URL(cluster.server).port || 443),
  }
}

/**
 * An HTTP dispatcher whose connections run over SSH to the loopback of whichever server accepts one, in the order given,
 * beginning with the one that answered last. Nothing listens on the operator's side, and no port but SSH is needed.
 */
export function tunnel(servers: readonly Node[]): { dispatcher: Agent; rotate(): void } {
  let first = 0
  let credentials: Credentials | undefined
  const open = async (): Promise<Duplex> => {
    const failures: string[] = []
    for (let attempt = 0; attempt < servers.length; attempt++) {
      const index = (first + attempt) % servers.length
      const server = servers[index]
      if (!server) continue
      try {
        credentials ??= await readCredentials(server)
        const socket = await server.connect('127.0.0.1', credentials.port)
        first = index
        return socket
      } catch (error) {
        failures.push(`${server.name}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    throw new KubeUnreachableError(`no server's API could be reached (${failures.join('; ')})`)
  }
  const dispatcher = new Agent({
    connections: 4,
    headersTimeout: 10_000,
    bodyTimeout: 20_000,
    connect: (_options, callback) => {
      open().then(
        (socket) => {
          const secure = tlsConnect({
            socket,
            ca: credentials?.ca,
            cert: credentials?.cert,
            key: credentials?.key,
            host: '127.0.0.1',
            ALPNProtocols: ['http/1.1'],
          })
          const fail = (error: Error) => callback(error, null)
          secure.once('error', fail)
          secure.once('secureConnect', () => {
            secure.off('error', fail)
            // The stream under it may be reset at any time; undici sees that through `close`.
            secure.on('error', () => {})
            callback(null, secure)
          })
        },
        (error: Error) => callback(error, null),
      )
    },
  })
  return {
    dispatcher,
    rotate: () => {
      first = (first + 1) % Math.max(servers.length, 1)
    },
  }
}
