import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { stringify } from 'yaml'
import type { Node } from '../nodes/node.ts'
import { type Credentials, type Route, route } from './route.ts'

/**
 * Lets a program of the operator's own talk to the API: for as long as `work` goes on, a port of the loopback here leads to
 * the API of whichever server answers, and a kubeconfig (0600, in a folder of its own, 0700) names it. Whoever else on this
 * machine finds the port has no certificate that the API would take.
 * @throws KubeUnreachableError when no server can be reached
 */
export async function withKubeconfig<T>(
  servers: readonly Node[],
  work: (kubeconfig: string) => Promise<T>,
): Promise<T> {
  const way = route(servers)
  // Also proves, before anything is started, that there is a server to forward to.
  const { stream, credentials } = await way.open()
  stream.destroy()
  const folder = await mkdtemp(join(tmpdir(), 'migrate-kube-'))
  try {
    await using forward = await listen(way)
    const file = join(folder, 'config')
    await writeFile(file, kubeconfig(forward.port, credentials), { mode: 0o600, flag: 'wx' })
    return await work(file)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A port on 127.0.0.1, chosen by the kernel. */
async function listen(way: Route): Promise<AsyncDisposable & { port: number }> {
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    // A connection that cannot be made or breaks is the client's to see, as a connection that ends.
    carry(way, socket).catch(() => socket.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

async function carry(way: Route, socket: Socket): Promise<void> {
  socket.on('error', () => {})
  const { stream } = await way.open()
  await Promise.all([pipeline(socket, stream), pipeline(stream, socket)])
}

function kubeconfig(port: number, { ca, cert, key }: Credentials): string {
  const name = 'cni-migrate'
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name,
        cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': ca.toString('base64') },
      },
    ],
    users: [
      {
        name,
        user: { 'client-certificate-data': cert.toString('base64'), 'client-key-data': key.toString('base64') },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  })
}
