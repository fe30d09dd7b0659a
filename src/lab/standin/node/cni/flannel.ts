import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readIfThere, writeWhole } from '../files.ts'
import { bridgeAdd, bridgeDelete } from './bridge.ts'
import type { CniResult, PluginCall } from './call.ts'
import type { PluginConf } from './directories.ts'

const stateFolder = '/var/lib/cni/flannel'
const subnetFile = '/run/flannel/subnet.env'

/** flannel's CNI plugin: subnet.env makes a bridge conf, kept per container so that DEL finds the same one. */
export async function flannelAdd(call: PluginCall): Promise<CniResult> {
  const text = await readIfThere(subnetFile)
  if (text === null) throw new Error(`loadFlannelSubnetEnv failed: open ${subnetFile}: no such file or directory`)
  const delegate = delegateConf(call.conf, text)
  await writeWhole(join(stateFolder, call.containerId), JSON.stringify(delegate), 0o600)
  return bridgeAdd({ ...call, conf: delegate })
}

export async function flannelDelete(call: PluginCall): Promise<void> {
  const path = join(stateFolder, call.containerId)
  const text = await readIfThere(path)
  if (text === null) return
  await bridgeDelete({ ...call, conf: JSON.parse(text) as PluginCall['conf'] })
  await rm(path, { force: true })
}

/** The bridge conf flannel hands on, keys in the order in which flannel writes them. */
export function delegateConf(conf: PluginCall['conf'], subnetEnv: string): PluginCall['conf'] {
  const env = Object.fromEntries(
    subnetEnv.split('\n').flatMap((line) => {
      const at = line.indexOf('=')
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)]]
    }),
  )
  const subnet = String(env.FLANNEL_SUBNET ?? '').replace(/\.1\//, '.0/')
  const delegate = (conf.delegate ?? {}) as PluginConf
  const merged: Record<string, unknown> = {
    ...delegate,
    name: conf.name,
    cniVersion: conf.cniVersion,
    type: 'bridge',
    ipMasq: env.FLANNEL_IPMASQ !== 'true',
    mtu: Number(env.FLANNEL_MTU),
    isGateway: true,
    ipam: { routes: [{ dst: env.FLANNEL_NETWORK }], subnet, type: 'host-local' },
  }
  return Object.fromEntries(
    Object.entries(merged).sort(([a], [b]) => (a < b ? -1 : 1)),
  ) as unknown as PluginCall['conf']
}
