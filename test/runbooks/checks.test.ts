import { describe, expect, test } from 'vitest'
import { preflightChecks } from '../../runbooks/checks.ts'
import type { Finding } from '../../src/engine/model.ts'
import { clusterFamilies, type Facts, type NodeFacts, nodeFamilies } from '../../src/facts/facts.ts'
import { policySpecSchema } from '../../src/facts/policies.ts'
import type { Inventory } from '../../src/inventory/schema.ts'
import { someFacts, someInventory } from '../operations/some-facts.ts'

/** What all gates find that is not fine, when the cluster is as it should be but for this. */
function found(spoil: (facts: Facts, inventory: Inventory) => void): Finding[] {
  const [facts, inventory] = [structuredClone(someFacts()), structuredClone(someInventory)]
  spoil(facts, inventory)
  return preflightChecks(inventory)
    .flatMap((gate) => gate.check(facts, {}))
    .filter(({ level }) => level !== 'fine')
}

const on = (name: string, spoil: (node: Required<NodeFacts>) => void) => (facts: Facts) => {
  const node = facts.nodes[name]
  if (node) spoil(node as Required<NodeFacts>)
}
const onServers = (spoil: (node: Required<NodeFacts>) => void) => (facts: Facts) => {
  for (const name of ['s1', 's2', 's3']) on(name, spoil)(facts)
}
const values = (over: Inventory['cilium']['values']) => (_: Facts, inventory: Inventory) => {
  inventory.cilium.values = over
}
const cilium = (over: Partial<Inventory['cilium']>) => (_: Facts, inventory: Inventory) => {
  Object.assign(inventory.cilium, over)
}
const flag =
  (key: string, value: string, from = '/etc/rancher/k3s/config.yaml') =>
  (node: NodeFacts) => {
    node.k3s.flags[key] = { value, from }
  }
const rules =
  (text: string, set: 'ip-nft' | 'ip-legacy' = 'ip-nft') =>
  (node: NodeFacts) => {
    node.netfilter.rulesets[set] = text
  }
const obstacles = (over: Partial<NonNullable<Facts['obstacles']>>) => (facts: Facts) => {
  if (facts.obstacles) Object.assign(facts.obstacles, over)
}
const policy = (spec: object) => (facts: Facts) => {
  facts.kube.policies.push({ namespace: 'shop', name: 'p', spec: policySpecSchema.parse(spec) })
}
type Pod = Facts['kube']['pods'][number]
const pod = (over: Partial<Pod>) => (facts: Facts) => {
  const [first] = facts.kube.pods
  if (first) facts.kube.pods.push({ ...first, ...over })
}
const both =
  (...spoilers: ((facts: Facts, inventory: Inventory) => void)[]) =>
  (facts: Facts, inventory: Inventory) => {
    for (const spoil of spoilers) spoil(facts, inventory)
  }

const filter = (lines: string) => `*filter\n:FORWARD DROP [0:0]\n:KUBE-FORWARD - [0:0]\n${lines}COMMIT\n`

/** Each trap by itself: what is wrong, how it is told. */
const traps: [name: string, spoil: (facts: Facts, inventory: Inventory) => void, level: string, said: RegExp][] = [
  // K3s
  [
    'SQLite',
    on('s1', (node) => Object.assign(node.etcd ?? {}, { initialized: false })),
    'blocks',
    /it is SQLite .*convert it/s,
  ],
  [
    'another datastore',
    on('s1', (node) => {
      Object.assign(node.etcd ?? {}, { initialized: false })
      flag('datastore-endpoint', '***', '/c')(node)
    }),
    'blocks',
    /an external datastore is set in \/c/,
  ],
  ['a data directory of its own', on('a1', flag('data-dir', '/srv/k3s')), 'blocks', /data-dir is \/srv\/k3s/],
  ['wireguard', onServers(flag('flannel-backend', 'wireguard-native')), 'blocks', /its links vanish/],
  ['servers that differ', on('s2', flag('cluster-dns', '10.43.0.11')), 'blocks', /cluster-dns is s1: /],
  ['kube-proxy off on one', on('s2', flag('disable-kube-proxy', 'true')), 'blocks', /disable-kube-proxy is/],
  [
    'an edit without a restart',
    onServers(flag('disable-network-policy', 'true')),
    'blocks',
    /is true in .*K3s runs with false/,
  ],
  [
    'no annotation',
    (facts) => {
      for (const node of facts.kube.nodes) node.annotations = {}
    },
    'unknown',
    /k3s\.io\/node-args/,
  ],
  [
    "an agent with a server's flag",
    on('a1', (node) => {
      flag('cluster-cidr', 'x', '/c')(node)
      node.k3s.files['/c'] = { sha256: '', mode: 0, uid: 0, gid: 0, text: '' }
    }),
    'blocks',
    /cluster-cidr stands in \/c/,
  ],
  [
    'a template',
    on('s1', (node) => {
      node.k3s.containerdTemplate = true
    }),
    'blocks',
    /config\.toml\.tmpl/,
  ],
  ['egress selector', onServers(flag('egress-selector-mode', 'pod')), 'blocks', /egress-selector-mode is pod/],
  [
    'two versions',
    on('s1', (node) => {
      node.k3s.version = 'v1.33.1+k3s1'
    }),
    'warns',
    /upgrade first/,
  ],
  [
    'the release that does not start',
    (facts) => {
      for (const node of Object.values(facts.nodes)) node.k3s.version = 'v1.29.1+k3s1'
    },
    'warns',
    /k3s#9570/,
  ],
  // etcd
  ['a slow disk', on('s1', (node) => Object.assign(node.etcd ?? {}, { walFsyncP99Ms: 45 })), 'warns', /up to 45 ms/],
  [
    'a hopeless disk',
    on('s1', (node) => Object.assign(node.etcd ?? {}, { walFsyncP99Ms: 900 })),
    'blocks',
    /up to 900 ms/,
  ],
  [
    'a disk nobody measured',
    on('s1', (node) => Object.assign(node.etcd ?? {}, { walFsyncP99Ms: null })),
    'unknown',
    /does not say/,
  ],
  ['a learner', on('s1', (node) => Object.assign(node.etcd ?? {}, { isLearner: true })), 'blocks', /learner/],
  // API
  [
    'no API on 6444',
    on('a1', (node) => {
      node.k3s.localApi = false
      flag('lb-server-port', '7444')(node)
    }),
    'blocks',
    /lb-server-port is 7444/,
  ],
  ['the API by a name', values({ k8sServiceHost: 'k8s.home.lan' }), 'blocks', /is a name/],
  ['the API as kubeadm has it', values({ k8sServiceHost: 'auto' }), 'blocks', /kubeadm/],
  [
    'the API on 6443 of agents',
    values({ k8sServiceHost: '127.0.0.1', k8sServicePort: 6443 }),
    'blocks',
    /nothing answers .*\(a1\)/,
  ],
  ['an API nobody tried', values({ k8sServiceHost: '192.168.0.45', k8sServicePort: 6443 }), 'unknown', /was not tried/],
  [
    'two addresses',
    on('s1', (node) => {
      node.network.links[0]?.addresses.push('192.168.77.45/24')
    }),
    'warns',
    /node-ip is not set/,
  ],
  [
    'a balancer in front',
    on('a1', flag('server', 'https://192.168.0.45:6443')),
    'warns',
    /a1 reach the servers through 192\.168\.0\.45/,
  ],
  [
    'keepalived',
    on('s1', (node) => {
      node.upkeep.units['keepalived.service'] = 'active'
    }),
    'warns',
    /keepalived\.service runs/,
  ],
  [
    'kube-vip',
    pod({ namespace: 'kube-system', name: 'kube-vip-ds-x', owner: 'DaemonSet/kube-vip-ds', hostNetwork: true }),
    'warns',
    /announces addresses/,
  ],
  // Rule sets
  ['both backends', on('s1', rules(filter(''), 'ip-legacy')), 'warns', /stand in ip-nft and ip-legacy/],
  [
    'the host uses the other',
    on('s1', (node) => {
      node.netfilter.defaultBackend = 'legacy'
    }),
    'warns',
    /K3s writes nft/,
  ],
  [
    'not enforced',
    both(policy({}), on('s1', rules('*filter\n:KUBE-FORWARD - [0:0]\nCOMMIT\n'))),
    'warns',
    /nothing is enforced today/,
  ],
  [
    'a frozen firewall',
    both(onServers(flag('disable-network-policy', 'true')), (facts) => {
      for (const node of facts.kube.nodes)
        node.annotations['k3s.io/node-args'] = '["server","--disable-network-policy"]'
    }),
    'warns',
    /frozen/,
  ],
  [
    'rules for the old range',
    on('s1', rules(filter('-A FORWARD -s 10.42.0.0/16 -m comment --comment mine -j ACCEPT\n'))),
    'warns',
    /1 rules name 10\.42/,
  ],
  ['FORWARD drops', on('s1', rules(filter(''))), 'warns', /FORWARD drops by default/],
  [
    'native nftables',
    on('s1', (node) => {
      node.netfilter.nftTables = ['inet mine']
    }),
    'unknown',
    /inet mine/,
  ],
  // Ranges
  ['a range in use', cilium({ podCidr: '10.43.0.0/16' }), 'blocks', /overlaps/],
  ['a range too small', cilium({ podCidr: '10.52.0.0/23' }), 'blocks', /2 of 4 nodes/],
  ['a range just large enough', cilium({ podCidr: '10.52.0.0/22' }), 'warns', /enough for 4 nodes/],
  ['packets too large', cilium({ mtu: 9000 }), 'blocks', /carry s1 1500/],
  [
    'different MTU',
    on('a1', (node) => {
      if (node.host.uplink) node.host.uplink.mtu = 9000
    }),
    'warns',
    /they differ/,
  ],
  [
    'packets too small',
    (facts) => {
      for (const node of Object.values(facts.nodes)) if (node.host.uplink) node.host.uplink.mtu = 1300
    },
    'blocks',
    /below 1280/,
  ],
  ['a device nobody has', cilium({ devices: ['enp+'] }), 'blocks', /none of enp\+/],
  [
    'no interface',
    on('s1', (node) => {
      node.host.uplink = null
    }),
    'blocks',
    /no interface holds/,
  ],
  // Values
  ['state wiped', values({ cleanState: true }), 'blocks', /cleanState: true wipes/],
  ['a value far down', values({ hostFirewall: { enabled: true } }), 'blocks', /hostFirewall\.enabled/],
  ['routing of its own', values({ routingMode: 'native' }), 'blocks', /routingMode/],
  ['no helm controller', onServers(flag('disable-helm-controller', 'true')), 'blocks', /nobody would install/],
  // Hosts
  [
    'clocks',
    on('s1', (node) => {
      node.host.clockOffsetMs = 5000
    }),
    'blocks',
    /let them synchronise/,
  ],
  [
    'a full disk',
    on('a1', (node) => {
      node.host.disks = [{ path: '/', freeBytes: 10, totalBytes: 20 }]
    }),
    'blocks',
    /make room/,
  ],
  [
    'no room for the snapshot',
    on('s3', (node) => Object.assign(node.etcd ?? {}, { dbSizeBytes: 15 * 1024 ** 3 })),
    'blocks',
    /31744 are wanted for snapshot/,
  ],
  [
    'a name that does not resolve',
    on('s1', (node) => {
      node.host.resolves = { s2: null }
    }),
    'warns',
    /s2 does not resolve/,
  ],
  [
    'ipset missing',
    on('s1', (node) => {
      node.host.commands.ipset = false
    }),
    'blocks',
    /missing: ipset/,
  ],
  // Kernels
  [
    'an old kernel',
    on('s1', (node) => {
      node.host.kernel = '4.19.0-27-amd64'
    }),
    'blocks',
    /5\.4\.0 is the least/,
  ],
  [
    'an old kernel for 1.18',
    both(
      cilium({ version: '1.18.6' }),
      on('s1', (node) => {
        node.host.kernel = '5.4.0-200-generic'
      }),
    ),
    'blocks',
    /5\.10\.0 is the least/,
  ],
  [
    'a processor',
    on('s1', (node) => {
      node.kernel.arch = 'armv7l'
    }),
    'blocks',
    /armv7l/,
  ],
  ['an unknown Cilium', cilium({ version: '1.21.0' }), 'unknown', /is not known here/],
  [
    'an option',
    on('s1', (node) => {
      delete node.kernel.config?.options.CGROUP_BPF
    }),
    'blocks',
    /lacks CONFIG_CGROUP_BPF/,
  ],
  [
    'a lesser option',
    on('s1', (node) => {
      delete node.kernel.config?.options.SCHEDSTATS
    }),
    'warns',
    /lacks CONFIG_SCHEDSTATS, which/,
  ],
  [
    'no configuration',
    on('s1', (node) => {
      node.kernel.config = null
    }),
    'unknown',
    /\/proc\/config\.gz/,
  ],
  [
    'modules not on the disk',
    on('s1', (node) => {
      node.kernel.missingModules = ['vxlan']
    }),
    'blocks',
    /linux-modules-extra-raspi/,
  ],
  [
    'bpffs',
    on('s1', (node) => {
      node.kernel.mounts = []
    }),
    'blocks',
    /sys-fs-bpf\.mount/,
  ],
  [
    'a later rp_filter',
    on('s1', (node) => {
      node.kernel.lateRpFilter = ['/etc/sysctl.d/zz.conf']
    }),
    'blocks',
    /zz\.conf is read after/,
  ],
  [
    'vmxnet3',
    on('s1', (node) => {
      node.kernel.drivers = { eth0: 'vmxnet3' }
    }),
    'warns',
    /vmxnet3/,
  ],
  [
    "tuned for flannel's device",
    on('s1', (node) => {
      node.upkeep.flannelTuning = ['/etc/udev/rules.d/90']
    }),
    'warns',
    /names flannel/,
  ],
  // Network
  [
    'a firewall for the old pods',
    on('s1', (node) => {
      node.firewall.ufw = { incoming: 'deny', rules: [{ to: 'Anywhere', action: 'ALLOW IN', from: '10.42.0.0/16' }] }
    }),
    'blocks',
    /ufw allow from 10\.52\.0\.0\/16/,
  ],
  [
    'a firewall that does not answer',
    on('s1', (node) => {
      node.firewall.silent = ['firewalld']
    }),
    'unknown',
    /firewalld is active and did not say/,
  ],
  [
    'a lost datagram',
    (facts) => {
      for (const path of facts.paths ?? []) if (path.to === 'a1') path.outcome = 'lost'
    },
    'blocks',
    /3 of 12 ways are not: s1 to a1 \(lost\)/,
  ],
  // Others
  [
    'networkd',
    on('s1', (node) => {
      node.host.services['systemd-networkd'] = 'active'
    }),
    'warns',
    /ManageForeignRoutes=no/,
  ],
  [
    'upgrades',
    on('s1', (node) => {
      node.upkeep = { ...node.upkeep, aptInstalls: true, units: { 'apt-daily-upgrade.timer': 'active' } }
    }),
    'warns',
    /apt-daily-upgrade\.timer is active/,
  ],
  ['Argo CD', obstacles({ argo: [{ namespace: 'argocd', name: 'apps' }] }), 'warns', /argocd\/apps/],
  [
    "Flux' own Cilium",
    (facts) => {
      facts.kube.flux = [
        {
          kind: 'HelmRelease',
          apiVersion: 'v2',
          namespace: 'kube-system',
          name: 'cilium',
          suspended: false,
          ours: false,
        },
      ]
    },
    'warns',
    /HelmRelease kube-system\/cilium/,
  ],
  [
    'a budget',
    obstacles({ disruptionBudgets: [{ namespace: 'shop', name: 'web', allowed: 0, healthy: 1, wanted: 1 }] }),
    'warns',
    /shop\/web allows none now/,
  ],
  [
    'Longhorn',
    obstacles({ volumes: [{ name: 'pv', claim: 'shop/data', kind: 'driver.longhorn.io', accessModes: [] }] }),
    'warns',
    /shop\/data/,
  ],
  [
    'NFS and kube-proxy gone',
    both(
      cilium({ kubeProxyReplacement: true }),
      obstacles({ volumes: [{ name: 'pv', claim: null, kind: 'nfs', accessModes: [] }] }),
    ),
    'warns',
    /cilium#21541/,
  ],
  [
    'host ports among node ports',
    both(cilium({ kubeProxyReplacement: true }), pod({ hostPorts: [30080] })),
    'blocks',
    /30080/,
  ],
  [
    'a webhook',
    obstacles({
      webhooks: [
        { kind: 'V', configuration: 'w', name: 'w.io', service: { namespace: 'shop', name: 'w' }, resources: ['pods'] },
      ],
    }),
    'warns',
    /changes of pods are refused/,
  ],
  // Policies
  [
    'SCTP',
    policy({ ingress: [{ ports: [{ protocol: 'SCTP', port: 1 }] }], podSelector: { matchLabels: { app: 'none' } } }),
    'warns',
    /SCTP/,
  ],
  [
    'a selector for the host network',
    both(
      pod({ name: 'traefik', hostNetwork: true, owner: null, labels: { app: 'traefik' } }),
      policy({
        podSelector: { matchLabels: { app: 'none' } },
        ingress: [{ from: [{ podSelector: { matchLabels: { app: 'traefik' } } }] }],
      }),
    ),
    'warns',
    /shop\/p selects shop\/traefik/,
  ],
  ['ping', policy({ podSelector: {}, ingress: [{}] }), 'warns', /ping is then denied/],
]

describe('each trap is told', () => {
  test.each(traps)('%s', (_, spoil, level, said) => {
    const told = found(spoil).filter(({ detail, fix }) => said.test(`${detail} ${fix ?? ''}`))
    expect(told.map((finding) => finding.level)).toContain(level)
    for (const finding of told) if (finding.level !== 'fine') expect(finding.fix).toMatch(/\w/)
  })
})

test('a cluster as it should be: nothing is told', () => {
  expect(found(() => undefined)).toEqual([])
})

test('what was not read is never fine', () => {
  const told = found((facts) => {
    for (const node of Object.values(facts.nodes))
      for (const family of ['kernel', 'firewall', 'upkeep'] as const) delete node[family]
    delete facts.obstacles
    delete facts.paths
  })
  const titles = new Set(told.filter(({ level }) => level === 'unknown').map(({ title }) => title))
  expect(titles.size).toBeGreaterThanOrEqual(14)
})

test('what could not be told and would only warn does not stand in the way; every gate reads what it looks at', () => {
  const gates = preflightChecks(someInventory)
  expect(gates.map(({ id }) => id)).toHaveLength(13)
  const families: readonly string[] = [...nodeFamilies, ...clusterFamilies]
  for (const { reads } of gates) for (const family of reads) expect(families).toContain(family)
  const unsure = found(
    on('s1', (node) => {
      node.netfilter.nftTables = ['inet mine']
    }),
  )
  expect(unsure.map(({ level, atWorst }) => [level, atWorst])).toEqual([['unknown', 'warns']])
})
