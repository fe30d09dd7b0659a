import { createServer, connect as netConnect, type Server } from 'node:net'
import { stringify } from 'yaml'
import type { Node } from '../../src/nodes/node.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')

/** What K3s leaves on its servers; the certificates are texts that only look for being passed on. */
const k3sYaml = stringify({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [
    { name: 'default', cluster: { server: 'https://127.0.0.1:6443', 'certificate-authority-data': base64('the CA') } },
  ],
  users: [
    {
      name: 'default',
      user: { 'client-certificate-data': base64('the certificate'), 'client-key-data': base64('the key') },
    },
  ],
  contexts: [{ name: 'default', context: { cluster: 'default', user: 'default' } }],
  'current-context': 'default',
})

/**
 * A server whose port 6443 is `port` here; null: nothing answers there.
 * @param damage what became of its kubeconfig
 */
export function aServer(name: string, port: number | null, damage = (text: string) => text): Node {
  const kubeconfig = damage(k3sYaml)
  return {
    name,
    async run() {
      const stdout = `600 0 0 ${Buffer.byteLength(kubeconfig)}\n${base64(kubeconfig)}\n`
      return { kind: 'exited', code: 0, stdout, stderr: '', durationMs: 1 }
    },
    async connect(host, asked) {
      if (port === null) throw new Error('Connection refused')
      if (host !== '127.0.0.1' || asked !== 6443) throw new Error(`asked for ${host}:${asked}`)
      return netConnect(port, '127.0.0.1')
    },
    async reconnect() {},
  }
}

/** Says back what it is told, in capitals. */
export async function shouting(): Promise<AsyncDisposable & { port: number }> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (bytes) => socket.end(bytes.toString('utf8').toUpperCase()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
