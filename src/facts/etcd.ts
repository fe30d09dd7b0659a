import { z } from 'zod'
import { FailedError } from '../errors.ts'
import type { Family } from './family.ts'
import type { Sections } from './sections.ts'

/** The node's etcd member, from http://127.0.0.1:2381/metrics and files. null on agents. */
export const etcdSchema = z
  .object({
    /** server/db/etcd/member/wal exists: embedded etcd, whatever else is configured. */
    initialized: z.boolean(),
    memberName: z.string().nullable(),
    /** All null when the metrics port does not answer (K3s stopped). */
    hasLeader: z.boolean().nullable(),
    isLearner: z.boolean().nullable(),
    /** Peers this member has a live connection to. */
    activePeers: z.number().nullable(),
    walFsyncP99Ms: z.number().nullable(),
    /** What its database takes on the disk: a snapshot is as large at most. Absent in facts of an older version. */
    dbSizeBytes: z.number().nullable().exactOptional(),
    snapshots: z.array(z.object({ name: z.string(), path: z.string(), sizeBytes: z.number(), modifiedMs: z.number() })),
  })
  .nullable()
export type EtcdFacts = z.infer<typeof etcdSchema>

interface Sample {
  name: string
  labels: string
  value: number
}

function samples(metrics: string): Sample[] {
  return metrics.split('\n').flatMap((line) => {
    const [, name, labels, value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    return name === undefined ? [] : [{ name, labels: labels ?? '', value: Number(value) }]
  })
}

/** As Prometheus' histogram_quantile does: linear inside the bucket that holds the wanted share. */
function quantileMs(all: readonly Sample[], histogram: string, share: number): number | null {
  const buckets = all
    .filter((one) => one.name === `${histogram}_bucket`)
    .map((one) => ({ le: Number(/le="([^"]*)"/.exec(one.labels)?.[1]?.replace('+Inf', 'Infinity')), count: one.value }))
    .sort((a, b) => a.le - b.le)
  const total = buckets.at(-1)?.count ?? 0
  if (total === 0) return null
  const at = buckets.findIndex((bucket) => bucket.count >= total * share)
  const [below, here] = [buckets[at - 1] ?? { le: 0, count: 0 }, buckets[at]]
  if (!here || here.le === Number.POSITIVE_INFINITY) return below.le * 1000
  const inside = (total * share - below.count) / (here.count - below.count)
  return (below.le + (here.le - below.le) * inside) * 1000
}

function health(sections: Sections) {
  const all = samples(sections.optional('etcd.metrics') ?? '')
  const flag = (name: string): boolean | null => {
    const found = all.find((one) => one.name === name)
    return found ? found.value === 1 : null
  }
  const hasLeader = flag('etcd_server_has_leader')
  const peers = all.filter((one) => one.name === 'etcd_network_active_peers' && one.value >= 1)
  const remotes = new Set(peers.map((one) => /Remote="([^"]*)"/.exec(one.labels)?.[1]))
  return {
    hasLeader,
    isLearner: flag('etcd_server_is_learner'),
    // A member that never had a peer has no such line: it answers, so it is zero.
    activePeers: hasLeader === null ? null : remotes.size,
    walFsyncP99Ms: quantileMs(all, 'etcd_disk_wal_fsync_duration_seconds', 0.99),
    dbSizeBytes: all.find((one) => one.name === 'etcd_mvcc_db_total_size_in_bytes')?.value ?? null,
  }
}

function snapshotOf(line: string) {
  const [, sizeBytes, seconds, path] = /^(\d+) (\d+) (\/.*\/[^/]+)$/.exec(line) ?? []
  if (path === undefined)
    throw new FailedError(`etcd.snapshots: expected size, time and path, got ${line.slice(0, 80)}`)
  return {
    name: path.slice(path.lastIndexOf('/') + 1),
    path,
    sizeBytes: Number(sizeBytes),
    modifiedMs: Number(seconds) * 1000,
  }
}

/** A server's etcd member. Its metrics port needs no certificate and listens on loopback only (k3s-kube-router.md §6.3). */
export const etcdFamily: Family<EtcdFacts> = {
  script: `
etcd_metrics() {
  if has curl; then curl -s --max-time 5 http://127.0.0.1:2381/metrics
  else timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/2381 && printf "GET /metrics HTTP/1.0\\r\\n\\r\\n" >&3 && cat <&3'; fi |
    grep -E '^(etcd_server_(has_leader|is_learner)|etcd_network_active_peers|etcd_mvcc_db_total_size_in_bytes|etcd_disk_wal_fsync_duration_seconds_bucket)[ {]'
}
etcd_snapshots() {
  for path in "$k3s_data"/server/db/snapshots/*; do
    [ ! -f "$path" ] || stat -c '%s %Y %n' -- "$path"
  done
}
emit etcd.role printf %s "$k3s_role"
if [ "$k3s_role" = server ]; then
  emit etcd.wal test -d "$k3s_data/server/db/etcd/member/wal"
  emit etcd.name cat "$k3s_data/server/db/etcd/name"
  emit etcd.metrics etcd_metrics
  emit etcd.snapshots etcd_snapshots
fi
`,
  parse(sections) {
    if (sections.text('etcd.role') !== 'server') return null
    return {
      initialized: sections.get('etcd.wal')?.code === 0,
      memberName: sections.optional('etcd.name')?.trim() || null,
      ...health(sections),
      snapshots: sections
        .text('etcd.snapshots')
        .split('\n')
        .filter((line) => line !== '')
        .map(snapshotOf),
    }
  },
}
