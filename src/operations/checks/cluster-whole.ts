import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { missingOfControlPlane, missingOfEtcd, missingOfNodes } from '../settled.ts'

const judge = (title: string, missing: string | null, fix: string): Finding =>
  missing === null ? { level: 'fine', title, detail: 'yes' } : { level: 'blocks', title, detail: missing, fix }

/** Nothing is changed on a cluster that is not whole: members, control plane, nodes by a fresh heartbeat (measured.md 4). */
export function clusterWhole(facts: Facts, nodesReady = true): Finding[] {
  const nowMs = Date.parse(facts.readAt)
  return [
    judge('every etcd member votes and sees the others', missingOfEtcd(facts), 'bring the member back before going on'),
    judge(
      'the control plane answers and is led',
      missingOfControlPlane(facts, nowMs),
      'look at `journalctl -u k3s` on the servers',
    ),
    judge(
      'every node is heard of',
      missingOfNodes(facts, nowMs, nodesReady),
      'look at `journalctl -u k3s` on that node',
    ),
  ]
}
