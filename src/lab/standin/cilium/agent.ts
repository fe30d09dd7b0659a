/** Program of the image quay.io/cilium/cilium: each container of the `cilium` DaemonSet, by its name. */
import { mkdir, readlink, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { paths } from '../context.ts'
import { run } from '../node/command.ts'
import { readIfThere } from '../node/files.ts'
import { connectToApi } from './access.ts'
import { agentConfig } from './agent-config.ts'
import { mountBpf } from './bpf.ts'
import { buildConfig, installCniBinaries, mountCgroup, overrideSysctls, readMergedConfig } from './install-node.ts'
import { logger } from './log.ts'
import { runAgent } from './run-agent.ts'

const { env } = process
const nodeName = env.NODE_NAME ?? ''
const volumes = env.STANDIN_VOLUMES ?? ''

/** Asked for by `migrate lab break NODE cilium-crash`: the agent ends at once; `link-down` takes the uplink along. */
async function crashIfAsked(): Promise<void> {
  const fault = await readIfThere(`${paths.faults}/cilium-crash`)
  if (fault === null) return
  if (fault.trim() === 'link-down') {
    const addresses = JSON.parse(await run(['ip', '-j', '-4', 'addr', 'show'])) as {
      ifname: string
      addr_info: { local: string }[]
    }[]
    const uplink = addresses.find(({ addr_info }) => addr_info.some(({ local }) => local === env.NODE_IP))
    if (uplink !== undefined) await run(['ip', 'link', 'set', uplink.ifname, 'down'])
  }
  throw new Error('unable to initialize the datapath: asked to crash by a practice fault')
}

async function agent(): Promise<void> {
  const log = logger('daemon')
  // What the real one's process is called.
  process.title = 'cilium-agent'
  await crashIfAsked()
  const config = agentConfig(await readMergedConfig(volumes))
  const api = await connectToApi(env, logger('k8s-client'))
  const directory = await readlink(`${volumes}/etc-cni-netd`)
  // As the kubelet makes a volume's directory (DirectoryOrCreate), whoever writes the conf.
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const conf = config['write-cni-conf-when-ready']
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort())
  await writePidFile()
  await runAgent({
    api,
    config,
    nodeName,
    nodeIp: env.NODE_IP ?? '',
    confFile: conf === '' ? null : `${directory}/${basename(conf)}`,
    signal: stop.signal,
    log,
  })
}

async function writePidFile(): Promise<void> {
  await run(['mkdir', '-p', '/var/run/cilium'])
  await writeFile('/var/run/cilium/cilium.pid', `${process.pid}`)
}

const containers: Record<string, () => Promise<void>> = {
  config: async () =>
    buildConfig(await connectToApi(env, logger('k8s-client')), nodeName, volumes, logger('cilium-dbg')),
  'mount-cgroup': mountCgroup,
  'apply-sysctl-overwrites': overrideSysctls,
  'mount-bpf-fs': mountBpf,
  'clean-cilium-state': async () => undefined,
  'install-cni-binaries': () => installCniBinaries(volumes),
  'cilium-agent': agent,
}

try {
  const name = env.CONTAINER_NAME ?? ''
  const program = containers[name]
  if (program === undefined) throw new Error(`the image has no program for a container named "${name}"`)
  await program()
  process.exit(0)
} catch (error) {
  logger('daemon')('error', error instanceof Error ? error.message : String(error))
  process.exit(1)
}
