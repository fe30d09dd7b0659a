/** One node's services on a fake API, as `k3s` would run them: `scratch-node.ts API-FILE NAME IP vxlan|none`. */
import { createInterface } from 'node:readline'
import type { ApiObject } from '../../../src/lab/standin/context.ts'
import { startNodeServices } from '../../../src/lab/standin/node/node.ts'
import { FakeApi } from './fake-api.ts'
import { startAgent } from './scratch-agent.ts'

export type Request =
  | { op: 'put'; path: string; object: ApiObject }
  | { op: 'patch'; path: string; patch: object }
  | { op: 'list'; path: string }
  | { op: 'conditions' }
  /** Starts a Cilium agent with these keys beside the services, in place of the one before. */
  | { op: 'agent'; config: Record<string, string> }

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
let stopAgent: () => Promise<void> = async () => undefined
console.log(JSON.stringify('started'))
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as Request
  console.log(JSON.stringify(await answer(request)))
}

async function answer(request: Request): Promise<unknown> {
  if (request.op === 'put') return api.replace(request.path, request.object)
  if (request.op === 'patch') return api.patch(request.path, request.patch)
  if (request.op === 'list') return api.list(request.path)
  if (request.op === 'conditions') return services.conditions()
  await stopAgent()
  stopAgent = await startAgent(api, nodeName, nodeIp, request.config)
  return 'started'
}
