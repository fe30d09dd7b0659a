import type { NodeSignals } from '../probes/evidence.ts'
import { point } from './confidence.ts'
import { conflictsOf, type NodeConflict, type Signals, signalPoints, thresholds, worst } from './conflict-signals.ts'
import type { Advice, Diagnosis, Figure, Point, Rule } from './diagnosis.ts'

const title = "kube-proxy and another writer of rules are in each other's way"

/** What the decision flow of the article leads to. */
type Branch = 'contention' | 'corruption' | 'too-many-rules' | 'watch-failure' | 'cni' | 'conntrack'

const shown: Record<Branch, string> = {
  contention:
    'Several programs want the xtables lock, and each waits while another holds it: Services and new pods get their rules late.',
  corruption:
    'Rules have lost their match. A program that saved, changed and restored the tables did not know it, as another version or backend of iptables does not.',
  'too-many-rules':
    'kube-proxy is slow because there are so many rules: each sync reads and writes all of them, under the lock.',
  'watch-failure':
    'kube-proxy is slow or has stopped writing rules while nobody holds the lock and the rules are whole: look at its watch of the API.',
  cni: 'kube-proxy keeps up; new pods do not get their network. The CNI is at fault, not the rules.',
  conntrack: 'The connection table is nearly full: new connections are dropped, in silence, whatever the rules say.',
}

/**
 * The flow: sync slow? lock messages → contention; else rules that lost their match → corruption, or too many of them; else a
 * stale sync → the watch. Sync normal: the CNI. Lock messages and rules without a match are seen directly, so they count
 * without a slow sync; a slow sync by itself may be a busy moment, and pods wait for other things than their network.
 */
function branchOf(has: (name: keyof Signals) => boolean, { stuckSandboxes }: NodeSignals): Branch | null {
  if (has('lock')) return 'contention'
  if (has('malformed')) return 'corruption'
  if (has('syncTime') && has('rules')) return 'too-many-rules'
  if ((has('syncTime') && has('syncAge')) || has('pending')) return 'watch-failure'
  const forNetwork = stuckSandboxes.some(({ reason }) => /network|cni|sandbox/i.test(reason))
  if (has('sandboxes') && (has('cniRestarts') || forNetwork)) return 'cni'
  return has('conntrack') ? 'conntrack' : null
}

/**
 * certain: two of what shows the conflict itself, on one node: lock, slow sync, rules that lost their match. likely: one that is
 * seen directly. possible: only its consequences.
 */
function confidenceFor(has: (name: keyof Signals) => boolean): Diagnosis['confidence'] {
  const direct = (['lock', 'malformed'] as const).filter(has).length
  const slow = has('syncTime') ? 1 : 0
  if (direct > 0 && direct + slow >= 2) return 'certain'
  return direct > 0 ? 'likely' : 'possible'
}

function adviceFor(branch: Branch, { node, read }: NodeConflict, corrupted: boolean): Advice[] {
  const cordon: Advice = {
    text: `Take no new pods on ${node} meanwhile.`,
    command: `kubectl cordon ${node}`,
    warning: 'pods that must move find one node less',
  }
  const contention: Advice[] = [
    { text: `See who holds the lock on ${node}, and restart what flaps.`, command: 'lsof /run/xtables.lock' },
    cordon,
    {
      text: 'Let kube-proxy write less often: kube-proxy-arg iptables-sync-period in the configuration of K3s.',
      warning: 'rules are stale for longer between syncs',
    },
    { text: 'With thousands of Services: IPVS or nftables mode, or a datapath without iptables, as Cilium has.' },
  ]
  const corruption: Advice[] = [
    {
      text: 'Compare with a healthy node before anything is restarted: iptables-save on both, and look at KUBE-FIREWALL and KUBE-MARK-MASQ.',
      warning: 'do not restart services blindly: with corrupted rules a restart can make the node unreachable',
    },
    {
      text: `Have the writers use one backend and like versions; on ${node}: ${read.iptables.map(({ where, version, backend }) => `${where} ${version}${backend === null ? '' : ` (${backend})`}`).join(', ') || 'not known'}.`,
    },
    cordon,
    {
      text: 'Then flush only the chain that is corrupt (iptables -t TABLE -F CHAIN) and have kube-proxy write it anew.',
      warning: 'flushing interrupts the traffic of Services on the node',
    },
  ]
  if (branch === 'contention') return corrupted ? [...new Set([...contention, ...corruption])] : contention
  if (branch === 'corruption') return corruption
  if (branch === 'too-many-rules') return contention.slice(2)
  if (branch === 'watch-failure')
    return [{ text: `Look for broken watches.`, command: `journalctl -u k3s -u k3s-agent --since -15min` }]
  if (branch === 'cni')
    return [
      { text: `Restart the CNI's pod on ${node}; look at /etc/cni/net.d for a file that is empty or foreign.` },
      {
        text: 'Look whether the range of pod addresses of the node is used up, and whether the pod was killed for memory.',
      },
    ]
  return [
    {
      text: 'Make the table larger now.',
      command: `sysctl -w net.netfilter.nf_conntrack_max=${2 * (read.conntrack?.max ?? 131_072)}`,
      warning: 'about 300 bytes of kernel memory an entry',
    },
    { text: 'Look for connections that leak.', command: 'conntrack -S' },
  ]
}

function figuresOf(nodes: readonly NodeConflict[]): Figure[] {
  const at = (name: keyof Signals) => worst(nodes, name)?.signals[name].value ?? null
  const figure = (name: keyof Signals, rest: Omit<Figure, 'value'>, scale = 1): Figure[] => {
    const value = at(name)
    return value === null || value === 0 ? [] : [{ ...rest, value: Math.round(value * scale * 10) / 10 }]
  }
  return [
    ...figure('lock', { what: 'messages about a held lock', unit: '/min', threshold: thresholds.lockPerMinute }),
    ...figure('syncTime', { what: "kube-proxy's sync, p99", unit: 'ms', threshold: thresholds.syncP99Ms }),
    ...figure('syncAge', { what: 'age of its last sync', unit: 'ms', threshold: thresholds.lastSyncAgeMs }),
    ...figure('malformed', { what: 'rules that lost their match', unit: 'rules', threshold: 1 }),
    ...figure('rules', { what: 'iptables rules', unit: 'rules', threshold: thresholds.rules }),
    ...figure('conntrack', { what: 'conntrack used', unit: '%', threshold: 100 * thresholds.conntrackShare }, 100),
    ...figure('sandboxes', { what: 'longest wait for a sandbox', unit: 'ms', threshold: thresholds.sandboxMs }),
  ]
}

/** Seed 004: kube-proxy, the CNI and others write one kernel table under one lock, and break each other's rules. */
export const ruleConflict: Rule = {
  id: 'rule-conflict',
  title,
  judge(evidence) {
    const nodes = conflictsOf(evidence)
    const notMeasured = nodes.flatMap(({ node, read }) => read.problems.map((problem) => `${node}: ${problem}`))
    const found = nodes.flatMap((one) => {
      const has = (name: keyof Signals) => one.signals[name].warns === true
      const branch = branchOf(has, one.read)
      return branch === null
        ? []
        : [{ one, has, branch, signs: Object.values(one.signals).filter(({ warns }) => warns) }]
    })
    // The node with the most signs speaks for the rest.
    const leading = found.toSorted((a, b) => b.signs.length - a.signs.length)[0]
    const affected = found.map(({ one }) => one)
    const [first, ...rest] = figuresOf(affected)
    if (leading === undefined || first === undefined) return { diagnosis: null, notMeasured }
    const { one, has, branch } = leading
    const points: Point[] = [
      ...signalPoints(nodes),
      point(
        'rules have lost their match, as a bare DROP in KUBE-FIREWALL has',
        has('malformed'),
        `${one.node}: ${one.signals.malformed.shown}`,
      ),
    ]
    const local = affected.length < nodes.length || nodes.length === 1
    return {
      diagnosis: {
        rule: 'rule-conflict',
        title:
          branch === 'conntrack'
            ? 'the connection table is nearly full'
            : branch === 'cni'
              ? 'new pods do not get their network'
              : title,
        what: `${shown[branch]}${branch === 'contention' && has('malformed') ? ` ${shown.corruption}` : ''} ${local ? 'It is local to what is named here.' : 'All nodes show it: look for what happens in the whole cluster, a roll-out or a broken API watch.'}`,
        where: affected.map(({ node }) => `node ${node}`),
        sinceMs: null,
        confidence: confidenceFor(has),
        figures: [first, ...rest],
        points,
        disproof:
          'the same failures on a node where syncs are quick, nobody waits for the lock and no rule has lost its match',
        advice: adviceFor(branch, one, has('malformed')),
        source: 'Kubernetes kube-proxy and CNI rule conflicts: detection and fix (field guide)',
      },
      notMeasured,
    }
  },
}
