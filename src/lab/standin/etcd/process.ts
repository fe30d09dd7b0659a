import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { stringify } from 'yaml'
import { paths } from '../context.ts'

export const etcdPaths = {
  data: `${paths.data}/server/db/etcd`,
  name: `${paths.data}/server/db/etcd/name`,
  config: `${paths.data}/server/db/etcd/config`,
  wal: `${paths.data}/server/db/etcd/member/wal`,
  tls: `${paths.data}/server/tls/etcd`,
  snapshots: `${paths.data}/server/db/snapshots`,
} as const

export interface EtcdStart {
  name: string
  nodeIp: string
  /** `name=https://ip:2380,...` of all members, of use only for a first start. */
  initialCluster: string
  initialState: 'new' | 'existing'
  forceNewCluster?: boolean
}

/** The configuration K3s writes for its etcd, and has it read from server/db/etcd/config. */
export function etcdConfig(start: EtcdStart): object {
  const { tls } = etcdPaths
  return {
    name: start.name,
    'data-dir': etcdPaths.data,
    'listen-client-urls': `https://127.0.0.1:2379,https://${start.nodeIp}:2379`,
    'advertise-client-urls': `https://${start.nodeIp}:2379`,
    'listen-peer-urls': `https://127.0.0.1:2380,https://${start.nodeIp}:2380`,
    'initial-advertise-peer-urls': `https://${start.nodeIp}:2380`,
    'listen-metrics-urls': 'http://127.0.0.1:2381',
    'initial-cluster': start.initialCluster,
    'initial-cluster-state': start.initialState,
    'heartbeat-interval': 200,
    'election-timeout': 2000,
    'snapshot-count': 10000,
    // Else a server may join only 5 s after the one before it.
    'strict-reconfig-check': false,
    'auto-compaction-mode': 'periodic',
    'auto-compaction-retention': '5m',
    // Off by default when etcd reads a file.
    'enable-grpc-gateway': true,
    logger: 'zap',
    'log-outputs': ['stderr'],
    'force-new-cluster': start.forceNewCluster === true,
    'client-transport-security': {
      'cert-file': `${tls}/server-client.crt`,
      'key-file': `${tls}/server-client.key`,
      'client-cert-auth': true,
      'trusted-ca-file': `${tls}/server-ca.crt`,
    },
    'peer-transport-security': {
      'cert-file': `${tls}/peer-server-client.crt`,
      'key-file': `${tls}/peer-server-client.key`,
      'client-cert-auth': true,
      'trusted-ca-file': `${tls}/peer-ca.crt`,
    },
  }
}

/**
 * Starts etcd as a child whose log goes straight to the journal. The kernel kills it when this process ends in whatever
 * way: in the real K3s it is the same process.
 */
export function startEtcd(start: EtcdStart): ChildProcess {
  mkdirSync(etcdPaths.data, { recursive: true, mode: 0o700 })
  writeFileSync(etcdPaths.config, stringify(etcdConfig(start), { lineWidth: 0 }), { mode: 0o600 })
  // Without the socket: etcd would tell systemd that it is ready, in K3s' place.
  const { NOTIFY_SOCKET: _, ...env } = process.env
  return spawn('setpriv', ['--pdeathsig', 'KILL', `${paths.etcd}/etcd`, `--config-file=${etcdPaths.config}`], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env,
  })
}

/** Whether somebody else listens on etcd's client port; K3s warns then and waits, it does not fail. */
export function clientPortTaken(): Promise<boolean> {
  const probe = createServer()
  const { promise, resolve } = Promise.withResolvers<boolean>()
  probe.once('error', () => resolve(true))
  probe.listen({ host: '127.0.0.1', port: 2379 }, () => probe.close(() => resolve(false)))
  return promise
}
