/** Program of the image quay.io/cilium/operator-generic. */
import { readdir, readFile } from 'node:fs/promises'
import { connectToApi } from './access.ts'
import { logger } from './log.ts'
import { operatorConfig, runOperator } from './run-operator.ts'

const { env } = process
const log = logger('cilium-operator-generic')

/** cilium-config as the pod has it mounted: a file a key. */
async function readConfig(): Promise<Record<string, string>> {
  const folder = `${env.STANDIN_VOLUMES ?? ''}/cilium-config-path`
  const entries = await Promise.all(
    (await readdir(folder)).map(async (name) => [name, await readFile(`${folder}/${name}`, 'utf8')] as const),
  )
  return Object.fromEntries(entries)
}

const stop = new AbortController()
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort())
try {
  await runOperator({
    api: await connectToApi(env, logger('k8s-client')),
    config: operatorConfig(await readConfig()),
    identity: `${env.NODE_NAME ?? ''}-${(env.POD_NAME ?? '').slice(-10)}`,
    signal: stop.signal,
    log,
  })
  process.exit(0)
} catch (error) {
  if (stop.signal.aborted) process.exit(0)
  log('error', error instanceof Error ? error.message : String(error))
  process.exit(1)
}
