import type { Duplex } from 'node:stream'
import { KubeConfig } from '@kubernetes/client-node'
import { UnreachableError } from '../nodes/errors.ts'
import { readFile } from '../nodes/files.ts'
import type { Node } from '../nodes/node.ts'
import { KubeUnreachableError } from './errors.ts'

/** K3s writes it on every server, for 127.0.0.1 and with an administrator's certificate (k3s-kube-router.md §8). */
const kubeconfigPath = '/etc/rancher/k3s/k3s.yaml'

/** What a client of the API needs to be trusted by it, and to trust it. PEM. */
export interface Credentials {
  ca: Buffer
  cert: Buffer
  key: Buffer
  /** Of the API on a server's loopback. */
  port: number
}

/** The way to the API: over SSH to the loopback of whichever server accepts, beginning with the one that answered last. */
export interface Route {
  /** @throws KubeUnreachableError saying of each server why not */
  open(): Promise<{ stream: Duplex; credentials: Credentials }>
  /** Begin with the next server: this one accepts connections and does not answer. */
  rotate(): void
}

export function route(servers: readonly Node[]): Route {
  let first = 0
  /** Servers that no connection could be made to, and those of them that are tried again. */
  const silent = new Set<number>()
  const listening = new Set<number>()
  /** Aside: finding out that one is still cut off takes longer than the API may be there for. */
  const listen = async (index: number, server: Node): Promise<void> => {
    if (listening.has(index)) return
    listening.add(index)
    const isStill = await readCredentials(server).then(
      () => false,
      (error: unknown) => error instanceof UnreachableError,
    )
    listening.delete(index)
    if (!isStill) silent.delete(index)
  }
  /** The silent only where there is no other. */
  const inOrder = (): number[] => {
    const all = servers.map((_server, at) => (first + at) % servers.length)
    const heard = all.filter((index) => !silent.has(index))
    return heard.length > 0 ? heard : all
  }
  // They stay in memory: read when first needed.
  let credentials: Credentials | undefined
  return {
    async open() {
      const failures: string[] = []
      for (const [index, server] of servers.entries()) if (silent.has(index)) void listen(index, server)
      for (const index of inOrder()) {
        const server = servers[index]
        if (!server) continue
        try {
          credentials ??= await readCredentials(server)
          const stream = await server.connect('127.0.0.1', credentials.port)
          first = index
          return { stream, credentials }
        } catch (error) {
          if (error instanceof UnreachableError) silent.add(index)
          failures.push(`${server.name}: ${error instanceof Error ? error.message : String(error)}`)
        }
      }
      throw new KubeUnreachableError(`no server's API could be reached (${failures.join('; ')})`)
    },
    rotate() {
      first = (first + 1) % Math.max(servers.length, 1)
    },
  }
}

async function readCredentials(server: Node): Promise<Credentials> {
  const file = await readFile(server, kubeconfigPath)
  if (!file) throw new KubeUnreachableError(`${kubeconfigPath} does not exist`, { host: server.name })
  const config = new KubeConfig()
  try {
    config.loadFromString(Buffer.from(file.bytes).toString('utf8'))
  } catch {
    // The parser's words quote the lines around the mistake: the private key is one of them.
    throw new KubeUnreachableError(`${kubeconfigPath} is no kubeconfig`, { host: server.name })
  }
  const cluster = config.getCurrentCluster()
  const user = config.getCurrentUser()
  if (!cluster?.caData || !user?.certData || !user.keyData)
    throw new KubeUnreachableError(`${kubeconfigPath} has no client certificate, or no certificate authority`, {
      host: server.name,
    })
  return {
    ca: Buffer.from(cluster.caData, 'base64'),
    cert: Buffer.from(user.certData, 'base64'),
    key: Buffer.from(user.keyData, 'base64'),
    port: Number(URL.parse(cluster.server)?.port || 443),
  }
}
