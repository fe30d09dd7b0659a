import type { Evidence } from '../../../src/probes/evidence.ts'
import {
  cronChurn,
  fromMs,
  healthy,
  inBursts,
  nodeOf,
  pod,
  policy,
  refused,
  samples,
  series,
  signals,
  works,
} from './evidence.ts'

/** Seed 000: Home Assistant's pod is selected by one policy; CronJobs churn; reconciles leave a gap of two seconds. */
export function rejectGap(): Evidence {
  const evidence = healthy()
  const { kube } = evidence.facts
  kube.pods.push(pod('automation', 'homeassistant', 's1'), pod('vms', 'vm-waker', 's2'), pod('vms', 'other', 's1'))
  for (let index = 0; index < 71; index++) kube.policies.push(policy('web', `p${index}`, { podSelector: {} }))
  kube.policies.push(
    policy('automation', 'homeassistant', {
      podSelector: { matchLabels: { app: 'homeassistant' } },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ ports: [{ port: 8123 }] }],
      egress: [{ to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'vms' } } }] }],
    }),
  )
  kube.cronJobs = ['infra/home-ip-updater', 'monitoring/cloudfront-to-loki', 'monitoring/agilepoker-to-loki'].map(
    (one) => {
      const [namespace = '', name = ''] = one.split('/')
      return { namespace, name, schedule: '*/5 * * * *', suspended: false, ours: false }
    },
  )
  const everyMs = 7_000
  const from = { from: 'automation/homeassistant', fromNode: 's1' }
  const gap = inBursts(everyMs, 2_000)
  const reconcilesMs = Array.from({ length: 9 }, (_, index) => fromMs + index * everyMs + 300)
  evidence.series.push(
    series({ ...from, to: 'vms/vm-waker', toNode: 's2' }, gap, { fromSelected: true }),
    series({ ...from, to: 'vms/other', toNode: 's1' }, gap, { fromSelected: true }),
    series({ from: 'vms/other', fromNode: 's1', to: 'vms/vm-waker', toNode: 's2' }, works),
    series({ ...from, to: 'edge/probe-s2', toNode: 's2' }, refused, { fromSelected: true, allowed: false }),
  )
  evidence.rejects = ['s1', 's2', 's3', 'a1'].map((node) =>
    samples(node, {
      reconcilesMs,
      rejects:
        node === 's1'
          ? [
              {
                namespace: 'automation',
                pod: 'homeassistant',
                // Two a second from what is denied, and in the gap those of two pairs and of the pod itself.
                increments: Array.from({ length: 60 }, (_, second) => [
                  fromMs + second * 1000 + 400,
                  (second * 1000) % everyMs < 2_000 ? 12 : 2,
                ]),
              },
            ]
          : [],
    }),
  )
  evidence.churn = [
    ...cronChurn('infra', 'home-ip-updater', 10),
    ...cronChurn('monitoring', 'cloudfront-to-loki', 20),
    ...cronChurn('monitoring', 'agilepoker-to-loki', 30),
  ]
  return evidence
}

/** Seed 001: connections of one pod are unreachable for seven seconds in fifteen, to whatever target; no policy selects it. */
export function processSpecific(): Evidence {
  const evidence = healthy()
  evidence.facts.kube.pods.push(pod('home', 'ha', 's1'), pod('home', 'bridge', 's2'), pod('home', 'debug', 's1'))
  const blocks = inBursts(15_000, 7_000, 'unreachable')
  const ha = { from: 'home/ha', fromNode: 's1' }
  const debug = { from: 'home/debug', fromNode: 's1' }
  const bridge = { to: 'home/bridge', toNode: 's2' }
  evidence.series.push(
    series({ ...ha, ...bridge }, blocks),
    series({ ...ha, to: 'edge/probe-s1', toNode: 's1' }, blocks),
    series({ ...debug, ...bridge }, works),
    series({ ...debug, to: 'edge/probe-s1', toNode: 's1' }, works),
    series({ from: 'node:s1', fromNode: 's1', ...bridge }, works),
  )
  evidence.podNetworks = [
    {
      namespace: 'home',
      pod: 'ha',
      node: 's1',
      routes: [{ destination: '10.42.1.5', asked: 100, unicast: 100, answers: ['unicast'] }],
      neighbours: [{ address: '10.42.0.1', state: 'REACHABLE' }],
      multicastGroups: ['239.255.255.250', '224.0.0.251', '224.0.0.1'],
      sockets: { tcp: 160, tcpListening: 4, udp: 7, timeWait: 3 },
      netfilterTables: [],
      foreignRules: [],
    },
    {
      namespace: 'home',
      pod: 'debug',
      node: 's1',
      routes: [],
      neighbours: [],
      multicastGroups: ['224.0.0.1'],
      sockets: { tcp: 0, tcpListening: 0, udp: 0, timeWait: 0 },
      netfilterTables: [],
      foreignRules: [],
    },
  ]
  return evidence
}

/** Seed 003: ingress-nginx on the host network of two workers; one backend on the second worker, one on a third node. */
export function tarpit(): Evidence {
  const evidence = healthy()
  const { kube } = evidence.facts
  kube.namespaces.push(
    { name: 'securek8s', labels: { 'kubernetes.io/metadata.name': 'securek8s' } },
    { name: 'ingress-nginx', labels: { 'kubernetes.io/metadata.name': 'ingress-nginx' } },
  )
  const ingress = (node: string) =>
    pod('ingress-nginx', `controller-${node}`, node, {
      hostNetwork: true,
      ports: [80],
      hostPorts: [80],
      ip: nodeOf(evidence, node).address,
      owner: 'DaemonSet/controller',
    })
  const labels = { component: 'web' }
  kube.pods.push(
    ingress('s1'),
    ingress('s2'),
    pod('ingress-nginx', 'admission-create-x', 's3', { owner: 'Job/admission-create' }),
    pod('securek8s', 'web-1', 's2', { labels }),
    pod('securek8s', 'web-2', 's3', { labels }),
  )
  kube.policies.push(
    policy('securek8s', 'default-deny', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }),
    policy('securek8s', 'allow-ingress', {
      podSelector: { matchLabels: labels },
      policyTypes: ['Ingress'],
      ingress: [
        {
          from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ingress-nginx' } } }],
          ports: [{ protocol: 'TCP', port: 8080 }],
        },
      ],
    }),
  )
  const far = { toSelected: true, allowed: false }
  const entry = (node: string, slowOf: (index: number) => boolean) =>
    series(
      { from: 'node:a1', fromNode: 'a1', to: `host-port:${node}`, toNode: node },
      (_, index) => (slowOf(index) ? [5_160, 'ok', 5_150] : [120, 'ok', 110]),
      { kind: 'http', sort: 'host-port', port: 80, address: nodeOf(evidence, node).address },
    )
  evidence.series.push(
    series({ from: 'node:s1', fromNode: 's1', to: 'securek8s/web-1', toNode: 's2' }, refused, far),
    series({ from: 'node:s1', fromNode: 's1', to: 'securek8s/web-2', toNode: 's3' }, refused, far),
    series({ from: 'node:s2', fromNode: 's2', to: 'securek8s/web-2', toNode: 's3' }, refused, far),
    series({ from: 'node:s2', fromNode: 's2', to: 'securek8s/web-1', toNode: 's2' }, works, { toSelected: true }),
    entry('s1', (index) => index % 10 !== 0),
    entry('s2', (index) => index % 2 === 0),
  )
  return evidence
}

/** Seed 004: on one node something holds the lock and writes back rules that it does not know. */
export function ruleConflict(): Evidence {
  const evidence = healthy()
  evidence.signals.s2 = signals({
    kubeProxy: {
      mode: 'iptables',
      syncP99Ms: 11_000,
      syncs: 5,
      lastSyncAgeMs: 70_000,
      pendingChanges: [
        [fromMs, 3],
        [fromMs + 60_000, 11],
      ],
    },
    xtablesLock: {
      messages: 14,
      perMinute: 14,
      examples: ['Another app is currently holding the xtables lock; still 4s 0us time ahead to have a chance'],
    },
    iptables: [
      { where: 'host', version: '1.8.9', backend: 'nft' },
      { where: 'kube-system/other-cni', version: '1.8.4', backend: 'legacy' },
    ],
    malformedRules: ['-A KUBE-FIREWALL -j DROP'],
    stuckSandboxes: [{ pod: 'shop/new', waitingMs: 340_000, reason: 'ContainerCreating' }],
  })
  return evidence
}

function servers(evidence: Evidence, flag: string, value: string): void {
  for (const { k3s } of Object.values(evidence.facts.nodes))
    k3s.flags[flag] = { value, from: '/etc/rancher/k3s/config.yaml' }
}

/** What flannel and its rules leave behind when Cilium carries the pods. */
function onCilium(): Evidence {
  const evidence = healthy()
  servers(evidence, 'flannel-backend', 'none')
  servers(evidence, 'disable-network-policy', 'true')
  const { kube, nodes } = evidence.facts
  for (const node of Object.values(nodes)) {
    node.netfilter.rulesets['ip-nft'] = null
    node.network.links = [
      { name: 'eth0', kind: '', up: true, mtu: 1500, master: null, vxlanPort: null, addresses: [] },
      { name: 'cilium_vxlan', kind: 'vxlan', up: true, mtu: 1500, master: null, vxlanPort: 8473, addresses: [] },
    ]
  }
  for (const samplesOf of evidence.rejects) samplesOf.reconcilesMs = []
  kube.cilium.daemonSet = { desired: 4, ready: 4, updated: 4, generation: 1, observed: 1 }
  kube.cilium.nodes = Object.keys(nodes).map((name, index) => ({ name, podCidrs: [`10.52.${index}.0/24`] }))
  for (const [index, one] of kube.pods.entries()) if (!one.hostNetwork) one.ip = `10.52.0.${index + 2}`
  return evidence
}

export const healthyOnCilium = onCilium

export function frozenRules(): Evidence {
  const evidence = onCilium()
  nodeOf(evidence, 's2').netfilter.rulesets['ip-nft'] = nodeOf(healthy(), 's2').netfilter.rulesets['ip-nft'] ?? ''
  nodeOf(evidence, 's2').netfilter.rulesets['ip-nft'] =
    '*filter\n:FORWARD ACCEPT [0:0]\n:KUBE-ROUTER-FORWARD - [0:0]\n:KUBE-POD-FW-AAAAAAAAAAAAAAAA - [0:0]\n-A FORWARD -m comment --comment "kube-router netpol - TEMCG2JMHZYE7H7T" -j KUBE-ROUTER-FORWARD\n-A KUBE-ROUTER-FORWARD -d 10.42.1.5/32 -j KUBE-POD-FW-AAAAAAAAAAAAAAAA\n-A KUBE-POD-FW-AAAAAAAAAAAAAAAA -j REJECT\nCOMMIT\n'
  return evidence
}

export function flannelLeftovers(): Evidence {
  const evidence = onCilium()
  nodeOf(evidence, 's3').netfilter.rulesets['ip-nft'] =
    '*nat\n:POSTROUTING ACCEPT [0:0]\n:FLANNEL-POSTRTG - [0:0]\n-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG\n-A FLANNEL-POSTRTG -s 10.42.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE\nCOMMIT\n'
  return evidence
}

export function twoBackends(): Evidence {
  const evidence = healthy()
  const rules = '*nat\n:KUBE-SERVICES - [0:0]\n-A KUBE-SERVICES -d 10.43.0.1/32 -j KUBE-SERVICES\nCOMMIT\n'
  nodeOf(evidence, 's1').netfilter.rulesets['ip-nft'] = rules
  nodeOf(evidence, 's1').netfilter.rulesets['ip-legacy'] = rules
  return evidence
}

export function staleHostPorts(): Evidence {
  const evidence = healthy()
  const chain = `CNI-DN-${'0'.repeat(21)}`
  nodeOf(evidence, 'a1').netfilter.rulesets['ip-nft'] =
    `*nat\n:CNI-HOSTPORT-DNAT - [0:0]\n:${chain} - [0:0]\n-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"cbr0\\" id: \\"${'d'.repeat(64)}\\"" -m multiport --dports 80,443 -j ${chain}\n-A ${chain} -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.42.3.9:80\nCOMMIT\n`
  return evidence
}

export function vxlanPortClash(): Evidence {
  const evidence = healthy()
  nodeOf(evidence, 's2').network.links.push({
    name: 'cilium_vxlan',
    kind: 'vxlan',
    up: false,
    mtu: 1500,
    master: null,
    vxlanPort: 8472,
    addresses: [],
  })
  return evidence
}

export function unmanagedPods(): Evidence {
  const evidence = onCilium()
  const left = evidence.facts.kube.pods[1]
  if (left) left.ip = '10.42.1.7'
  return evidence
}

/** By the rule that must name each. */
export const causes: Record<string, () => Evidence> = {
  'reject-gap': rejectGap,
  'process-specific': processSpecific,
  'host-network-tarpit': tarpit,
  'rule-conflict': ruleConflict,
  'frozen-rules': frozenRules,
  'flannel-leftovers': flannelLeftovers,
  'two-backends': twoBackends,
  'stale-host-ports': staleHostPorts,
  'vxlan-port-clash': vxlanPortClash,
  'unmanaged-pods': unmanagedPods,
}
