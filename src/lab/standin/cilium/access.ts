import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from '../client.ts'
import { type ApiClient, ApiError, paths } from '../context.ts'
import type { Log } from './log.ts'

/** A real agent's `config` container tries for about 65 s; practice goes on sooner. The log is the evidence, not the wait. */
const giveUpAfterMs = 20_000
const retryMs = 5000

/**
 * The API at the address the pod was given (`k8sServiceHost`, or the cluster's own Service without it), with the node's
 * certificate. An address that does not answer ends in an error after some tries, each of them logged as a real agent does.
 */
export async function connectToApi(env: NodeJS.ProcessEnv, log: Log): Promise<ApiClient> {
  const host = env.KUBERNETES_SERVICE_HOST ?? '10.43.0.1'
  const port = Number(env.KUBERNETES_SERVICE_PORT ?? 443)
  const read = (file: string) => readFileSync(`${paths.data}/agent/${file}`, 'utf8')
  const api = new Client({
    host,
    port,
    ca: read('server-ca.crt'),
    cert: read('client-kubelet.crt'),
    key: read('client-kubelet.key'),
  })
  const url = `https://${host}:${port}`
  log('info', 'Establishing connection to apiserver', { host: url })
  const end = Date.now() + giveUpAfterMs
  for (;;) {
    try {
      await api.get('/api/v1/namespaces/kube-system')
      log('info', 'Connected to apiserver')
      return api
    } catch (error) {
      const reason = error instanceof ApiError ? error.message : dialError(error, `${host}:${port}`)
      log('error', 'Unable to contact k8s api-server', {
        error: `Get "${url}/api/v1/namespaces/kube-system": ${reason}`,
        ipAddr: url,
      })
      if (Date.now() + retryMs > end) throw new Error(`Get "${url}/api/v1/namespaces/kube-system": ${reason}`)
      await delay(retryMs)
    }
  }
}

function dialError(error: unknown, address: string): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ECONNREFUSED') return `dial tcp ${address}: connect: connection refused`
  if (code === 'EHOSTUNREACH') return `dial tcp ${address}: connect: no route to host`
  if (
    error instanceof Error &&
    (error.name === 'TimeoutError' || error.name === 'AbortError' || code === 'ETIMEDOUT')
  ) {
    return `dial tcp ${address}: i/o timeout`
  }
  return error instanceof Error ? error.message : String(error)
}
