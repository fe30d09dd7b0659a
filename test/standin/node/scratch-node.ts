/** One node's services on a fake API, as `k3s` would run them: `scratch-node.ts API-FILE NAME IP vxlan|none`. */
import { createInterface } from 'node:readline'
import type { ApiObject } from '../../../src/lab/standin/context.ts'
import { startNodeServices } from '../../../src/lab/standin/node/node.ts'
import { FakeApi } from './fake-api.ts'

export type Request =
  | { op: 'put'; path: string; object: ApiObject }
  | { op: 'patch'; path: string; patch: object }
  | { op: 'list'; path: string }
  | { op: 'conditions' }

const [file = '', nodeName = '', nodeIp = '', backend = 'vxlan'] = process.argv.slice(2)
const api = new FakeApi(file)
const aborter = new AbortController()
const services = await startNodeServices({
  nodeName,
  nodeIp,
  role: 'server',
  cluster: {
    flannelBackend: backend === 'none' ? 'none' : 'vxlan',
    disableNetworkPolicy: backend === 'none',
    disableKubeProxy: false,
    clusterCidr: '10.42.0.0/16',
    serviceCidr: '10.43.0.0/16',
    clusterDns: '10.43.0.10',
    clusterDomain: 'cluster.local',
  },
  api,
  log: (level, message) => console.error(level, message),
  signal: aborter.signal,
  fatal: (message) => {
    console.error(`fatal ${message}`)
    process.exit(1)
  },
})
process.on('SIGTERM', () => {
  aborter.abort()
  services.stop().then(
    () => process.exit(0),
    () => process.exit(1),
  )
})
console.log(JSON.stringify('started'))
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as Request
  const result =
    request.op === 'put'
      ? await api.replace(request.path, request.object)
      : request.op === 'patch'
        ? await api.patch(request.path, request.patch)
        : request.op === 'list'
          ? await api.list(request.path)
          : services.conditions()
  console.log(JSON.stringify(result))
}
