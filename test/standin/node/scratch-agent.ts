import { mkdir, rm, symlink } from 'node:fs/promises'
import { basename } from 'node:path'
import { agentConfig } from '../../../src/lab/standin/cilium/agent-config.ts'
import { installCniBinaries } from '../../../src/lab/standin/cilium/install-node.ts'
import { runAgent } from '../../../src/lab/standin/cilium/run-agent.ts'
import type { ApiClient } from '../../../src/lab/standin/context.ts'
import { cniDirectories } from '../../../src/lab/standin/node/cni/directories.ts'

const volumes = '/run/cilium-volumes'

/** Runs an agent in this process, its CNI files in K3s' own directories; returns how to stop it. */
export async function startAgent(
  api: ApiClient,
  nodeName: string,
  nodeIp: string,
  config: Record<string, string>,
): Promise<() => Promise<void>> {
  const { confDir, binDir } = cniDirectories('vxlan')
  await mkdir(volumes, { recursive: true })
  await rm(`${volumes}/cni-path`, { force: true })
  await symlink(binDir, `${volumes}/cni-path`)
  await installCniBinaries(volumes)
  const conf = config['write-cni-conf-when-ready']
  const aborter = new AbortController()
  const log = (level: string, message: string): void => console.error(`agent ${level} ${message}`)
  const running = runAgent({
    api,
    config: agentConfig(config),
    nodeName,
    nodeIp,
    confFile: conf === undefined ? null : `${confDir}/${basename(conf)}`,
    signal: aborter.signal,
    log,
  }).catch((error: unknown) => log('fatal', String(error)))
  return async () => {
    aborter.abort()
    await running
  }
}
