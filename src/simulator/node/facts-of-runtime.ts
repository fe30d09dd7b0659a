import { hasQuorum, memberVotes, votingMembers } from '../cluster/evolve.ts'
import { kubeletLives } from '../cluster/state.ts'
import type { SectionsOf } from './facts.ts'

const snapshotFolder = '/var/lib/rancher/k3s/server/db/snapshots/'

export const etcdSections: SectionsOf = (state, node) => {
  if (node.role === 'agent') return [['etcd.role', 'agent']]
  const isVoting = memberVotes(state, node)
  const peers = isVoting ? votingMembers(state).filter((other) => other !== node) : []
  const metrics = [
    `etcd_server_has_leader ${isVoting && hasQuorum(state) ? 1 : 0}`,
    'etcd_server_is_learner 0',
    ...peers.map((peer) => `etcd_network_active_peers{Local="${node.name}",Remote="${peer.name}"} 1`),
    'etcd_mvcc_db_total_size_in_bytes 2.048e+07',
    'etcd_disk_wal_fsync_duration_seconds_bucket{le="0.002"} 100',
    'etcd_disk_wal_fsync_duration_seconds_bucket{le="+Inf"} 100',
  ]
  const snapshots = Object.entries(node.files).filter(([path]) => path.startsWith(snapshotFolder))
  return [
    ['etcd.role', 'server'],
    ['etcd.wal', ''],
    ['etcd.name', `${node.name}-0a1b2c3d`],
    ['etcd.metrics', node.etcdSinceMs === null ? { code: 7 } : `${metrics.join('\n')}\n`],
    [
      'etcd.snapshots',
      snapshots.map(([path, { text, modifiedS }]) => `${Buffer.byteLength(text)} ${modifiedS ?? 0} ${path}\n`).join(''),
    ],
  ]
}

/** containerd is part of K3s: it answers when that runs. */
export const sandboxSections: SectionsOf = (_state, node) => {
  if (!kubeletLives(node))
    return [
      ['sandboxes.list', { code: 1 }],
      ['sandboxes.inspect', { code: 1 }],
    ]
  const items = node.sandboxes.map(({ id, pod, ready, createdMs }) => {
    const [namespace = '', name = ''] = pod.split('/')
    return {
      id,
      metadata: { attempt: 0, name, namespace, uid: `uid-of-${pod}` },
      state: ready ? 'SANDBOX_READY' : 'SANDBOX_NOTREADY',
      createdAt: String(BigInt(Math.round(createdMs)) * 1_000_000n),
    }
  })
  const details = node.sandboxes.map(({ id, ready, network, ip }) => ({
    status: {
      id,
      network: { ip: ready ? (ip ?? '') : '' },
      linux: { namespaces: { options: { network: network === 'host' ? 'NODE' : 'POD' } } },
    },
    info: {
      runtimeSpec: {
        linux: {
          namespaces: ready && network !== 'host' ? [{ type: 'network', path: `/var/run/netns/cni-${id}` }] : [],
        },
      },
    },
  }))
  return [
    ['sandboxes.list', JSON.stringify({ items })],
    ['sandboxes.inspect', JSON.stringify(details)],
  ]
}

/** One container in each sandbox that runs. */
export const containerSections: SectionsOf = (_state, node) => {
  const containers = node.sandboxes
    .filter(({ ready }) => ready)
    .map(({ pod }) => ({
      metadata: { name: 'main' },
      state: 'CONTAINER_RUNNING',
      labels: { 'io.kubernetes.pod.uid': `uid-of-${pod}` },
    }))
  return [['containers.list', kubeletLives(node) ? JSON.stringify({ containers }) : { code: 1 }]]
}

export const imagesSections: SectionsOf = (_state, node) => [
  [
    'images.list',
    kubeletLives(node) ? JSON.stringify({ images: node.images.map((tag) => ({ repoTags: [tag] })) }) : { code: 1 },
  ],
]
