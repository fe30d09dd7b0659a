import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { about } from './finding.ts'

/** Servers keep their state in embedded etcd: what is snapshotted, and what tells how many of them may be stopped. */
export function datastoreEtcd(facts: Facts): Finding[] {
  const servers = Object.values(facts.nodes).filter((node) => node.unit.role === 'server')
  return servers.map((node) => {
    const here = about('datastore is embedded etcd', node.name)
    if (node.etcd?.initialized) return here.fine('yes')
    const endpoint = node.k3s.flags['datastore-endpoint']
    const instead = endpoint ? `an external datastore is set in ${endpoint.from}` : 'it is SQLite'
    const different = endpoint
      ? 'back it up with its own tools: K3s takes no snapshot of it, and servers may be stopped in any number'
      : `convert it first: add cluster-init: true to the configuration and restart K3s (docs.k3s.io/datastore)`
    return here.blocks(
      `there is no server/db/etcd/member/wal: ${instead}`,
      `this runbook snapshots embedded etcd only; ${different}`,
    )
  })
}
