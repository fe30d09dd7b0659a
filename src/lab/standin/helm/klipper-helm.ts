/** Program of the image rancher/klipper-helm: the job that K3s' helm-controller makes of a HelmChart object. */
import { connectToApi } from '../cilium/access.ts'
import { logger } from '../cilium/log.ts'
import { runJob } from './job.ts'
import { ChartError } from './values.ts'

const install = !process.argv.slice(2).includes('delete')
try {
  await runJob({
    api: await connectToApi(process.env, logger('klipper-helm')),
    env: process.env,
    argv: process.argv.slice(2),
    print: (line) => console.log(line),
  })
  process.exit(0)
} catch (error) {
  const text = error instanceof Error ? error.message : String(error)
  console.error(error instanceof ChartError && install ? `Error: INSTALLATION FAILED: ${text}` : `Error: ${text}`)
  process.exit(1)
}
