import { Agent, request } from 'node:https'
import { parse } from 'yaml'
import { z } from 'zod'

const encoded = z.string().transform((text) => Buffer.from(text, 'base64'))
const kubeconfig = z.object({
  clusters: z.tuple([z.object({ cluster: z.object({ 'certificate-authority-data': encoded }) })]),
  users: z.tuple([z.object({ user: z.object({ 'client-certificate-data': encoded, 'client-key-data': encoded }) })]),
})

/** GET as the cluster's administrator; null: nobody answered in time, or not with 200. */
export type Get = (address: string, path: string, timeoutMs: number) => Promise<string | null>

/** Reads the text of /etc/rancher/k3s/k3s.yaml. */
export function kubeGet(text: string): Get {
  const { clusters, users } = kubeconfig.parse(parse(text))
  const [{ cluster }] = clusters
  const [{ user }] = users
  const agent = new Agent({
    ca: cluster['certificate-authority-data'],
    cert: user['client-certificate-data'],
    key: user['client-key-data'],
    // A connection to a server that was stopped must not be used again.
    keepAlive: false,
  })
  return (address, path, timeoutMs) =>
    new Promise((resolve) => {
      const call = request(
        { host: address, port: 6443, path, agent, signal: AbortSignal.timeout(timeoutMs) },
        (answer) => {
          const parts: Buffer[] = []
          answer.on('data', (part: Buffer) => parts.push(part))
          answer.on('error', () => resolve(null))
          answer.on('end', () => resolve(answer.statusCode === 200 ? Buffer.concat(parts).toString() : null))
        },
      )
      call.on('error', () => resolve(null))
      call.end()
    })
}
