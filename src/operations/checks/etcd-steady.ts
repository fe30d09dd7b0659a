import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { nodesOfRole } from '../k3s-unit.ts'
import { about } from './finding.ts'

/** etcd's own advice for the 99th percentile (etcd.io, "Metrics": disk). Elections begin where it comes near a heartbeat. */
const slowMs = 10
const tooSlowMs = 500

/** Members write fast enough to come back after a stop, and there are as many as it takes for one to fail. */
export function etcdSteady(facts: Facts): Finding[] {
  const servers = nodesOfRole(facts, 'server')
  const disks = servers.map((name) => {
    const here = about("etcd's disk is fast enough", name)
    const p99Ms = facts.nodes[name]?.etcd?.walFsyncP99Ms ?? null
    const fix = 'stop what writes to this disk meanwhile, or move etcd to a faster one'
    if (p99Ms === null)
      return here.unsure('etcd does not say how long its writes take', 'look at its metrics on 127.0.0.1:2381')
    const said = `99 % of its fsyncs take up to ${p99Ms < 10 ? p99Ms.toFixed(1) : Math.round(p99Ms)} ms`
    if (p99Ms > tooSlowMs) return here.blocks(`${said}: members lose their leader at that`, fix)
    return p99Ms > slowMs ? here.warns(`${said}; etcd wants less than ${slowMs}`, fix) : here.fine(said)
  })
  const here = about('enough members for one to fail')
  const tolerated = Math.ceil(servers.length / 2) - 1
  const members =
    tolerated > 0
      ? here.fine(`${servers.length} members, ${tolerated} may fail`)
      : here.warns(
          `${servers.length === 1 ? 'there is one server' : 'there are two servers, and two is no better than one'}: if one does not come back, the way back is the snapshot`,
          'keep the copy of the snapshot and the token at hand; run saves both',
        )
  return [...disks, members]
}
