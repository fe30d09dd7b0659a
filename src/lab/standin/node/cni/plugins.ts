import { run } from '../command.ts'
import { bridgeAdd, bridgeDelete } from './bridge.ts'
import { type CniResult, netnsName, type PluginCall } from './call.ts'
import { flannelAdd, flannelDelete } from './flannel.ts'
import { portmapAdd, portmapDelete } from './portmap.ts'

/** The stand-in's own plugins, by the name they are called by. ADD returns the result, DEL null. */
export async function callOwnPlugin(name: string, call: PluginCall): Promise<CniResult | null> {
  const add = call.command === 'ADD'
  switch (name) {
    case 'flannel':
      if (add) return flannelAdd(call)
      await flannelDelete(call)
      return null
    case 'bridge':
      if (add) return bridgeAdd(call)
      await bridgeDelete(call)
      return null
    case 'loopback':
      return add ? loopbackAdd(call) : null
    case 'portmap':
      await (add ? portmapAdd(call) : portmapDelete(call))
      return add ? previousResult(name, call) : null
    case 'bandwidth':
      // Without a bandwidth annotation the real one hands the result on too; the practice workload has none.
      return add ? previousResult(name, call) : null
    default:
      throw new Error(`${name}: the practice cluster's CNI plugins do not include this one`)
  }
}

function previousResult(name: string, call: PluginCall): CniResult {
  if (call.conf.prevResult === undefined) throw new Error(`${name}: must be called as a chained plugin`)
  return call.conf.prevResult
}

async function loopbackAdd(call: PluginCall): Promise<CniResult> {
  await run(['ip', '-n', netnsName(call.netns), 'link', 'set', 'lo', 'up'])
  return {
    cniVersion: call.conf.cniVersion,
    interfaces: [{ mac: '00:00:00:00:00:00', name: 'lo', sandbox: call.netns }],
    ips: [
      { address: '127.0.0.1/8', interface: 0 },
      { address: '::1/128', interface: 0 },
    ],
    dns: {},
  }
}
