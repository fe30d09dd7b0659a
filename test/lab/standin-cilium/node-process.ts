/** One agent on one practice "node": run inside its network and mount namespaces, its API behind the IPC channel. */
import { mkdir, rm, symlink } from 'node:fs/promises'
import { agentConfig } from '../../../src/lab/standin/cilium/agent-config.ts'
import { installCniBinaries, overrideSysctls } from '../../../src/lab/standin/cilium/install-node.ts'
import { logger } from '../../../src/lab/standin/cilium/log.ts'
import { runAgent } from '../../../src/lab/standin/cilium/run-agent.ts'
import { RemoteApi } from './remote-api.ts'

const [nodeName = '', nodeIp = '', config = '{}'] = process.argv.slice(2)
// In the node's own /run/cilium: the rest of /run is shared with the machine.
const volumes = '/run/cilium/volumes'
await mkdir(volumes, { recursive: true })
for (const [name, target] of Object.entries({ 'cni-path': '/opt/cni/bin', 'etc-cni-netd': '/etc/cni/net.d' })) {
  await mkdir(target, { recursive: true })
  await rm(`${volumes}/${name}`, { force: true })
  await symlink(target, `${volumes}/${name}`)
}
await overrideSysctls()
await installCniBinaries(volumes)
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())
await runAgent({
  api: new RemoteApi(),
  config: agentConfig(JSON.parse(config)),
  nodeName,
  nodeIp,
  confFile: '/etc/cni/net.d/05-cilium.conflist',
  signal: stop.signal,
  log: logger('daemon'),
})
process.exit(0)
