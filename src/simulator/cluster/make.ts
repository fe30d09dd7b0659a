import type { KubeObject } from '../../kube/api.ts'
import { advanceTo, happen, reconcile, start } from './evolve.ts'
import { bundledBinDir, configFile, execWords, putFile } from './k3s.ts'
import { type ClusterState, kubeletLives, type NodeState, type PodState, type Table } from './state.ts'

/** What a simulated cluster is made like. */
export interface Shape {
  servers: number
  agents: number
  /** A pod with a host port on every node: the portmap plugin is then needed. */
  hostPort: boolean
  /** Where the servers' flags stand: nowhere, in config.yaml, in the unit; or each server in another place. */
  flags: 'nowhere' | 'config' | 'unit' | 'mixed'
}

export const tokenText = 'K10c0ffee::server:s3cret-token'
export const nodeNames = ({ servers, agents }: Pick<Shape, 'servers' | 'agents'>): string[] => [
  ...Array.from({ length: servers }, (_, at) => `s${at + 1}`),
  ...Array.from({ length: agents }, (_, at) => `a${at + 1}`),
]

const chain = (name: string, rules: string[] = []) => ({ name, policy: 'ACCEPT', rules })
const own = (name: string, rules: string[]) => ({ name, policy: null, rules })

/** Rules of somebody else's, with theirs among those of Kubernetes: they have to stay where they are. */
const bootTables = (): Table[] => [
  {
    name: 'filter',
    chains: [
      chain('INPUT', ['-s 192.0.2.7/32 -j DROP', '-m set --match-set mine src -j ACCEPT']),
      chain('FORWARD', ['-m comment --comment "see KUBE-notes" -j MINE', '-o eth0 -j MINE']),
      chain('OUTPUT'),
      own('MINE', ['-p tcp -m tcp --dport 25 -j REJECT --reject-with icmp-port-unreachable']),
      own('KUBE-POD-FW-mine', ['-j RETURN']),
    ],
  },
  {
    name: 'nat',
    chains: [
      chain('PREROUTING', ['-p tcp -m tcp --dport 8080 -j REDIRECT --to-ports 80']),
      chain('INPUT'),
      chain('OUTPUT'),
      chain('POSTROUTING', ['-s 192.0.2.0/24 -o eth0 -j MASQUERADE']),
    ],
  },
  {
    name: 'mangle',
    chains: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'].map((name) => chain(name)),
  },
]

function unitText(role: string, args: readonly string[]): string {
  const words = args.map((arg) => `\t'${arg}' \\\n`).join('')
  return `[Service]\nType=notify\nKillMode=process\nRestart=always\nExecStart=/usr/local/bin/k3s \\\n    ${role} \\\n${words}\n`
}

function makeNode(name: string, index: number, role: NodeState['role'], flags: Shape['flags']): NodeState {
  const unit = role === 'server' ? 'k3s' : 'k3s-agent'
  const places = ['nowhere', 'config', 'unit'] as const
  const place = role === 'agent' ? 'nowhere' : flags === 'mixed' ? (places[index % 3] ?? 'nowhere') : flags
  const text = unitText(role, place === 'unit' ? ['--flannel-backend=vxlan'] : ['--node-name', name])
  const address = `192.168.77.${11 + index}`
  const node: NodeState = {
    ...{
      name,
      role,
      address,
      index,
      powered: true,
      agentCuts: false,
      cutOffs: [],
      boots: 1,
      clockSkewMs: 0,
      diskFull: false,
    },
    ...{ etcdLagsUntilMs: 0, etcdSinceMs: null, files: {} },
    links: [
      { name: 'lo', kind: '', up: true, mtu: 65536, addresses: ['127.0.0.1/8'] },
      { name: 'eth0', kind: '', up: true, mtu: 1500, addresses: [`${address}/24`] },
      { name: 'mine0', kind: 'bridge', up: true, mtu: 1500, addresses: ['192.0.2.1/24'] },
    ],
    routes: ['default via 192.168.77.1 dev eth0', '192.0.2.0/24 dev mine0 proto kernel scope link src 192.0.2.1'],
    rules: ['0:\tfrom all lookup local', '100:\tfrom all fwmark 0x17 lookup 17', '32766:\tfrom all lookup main'],
    tables: bootTables(),
    ipsets: [{ name: 'mine', type: 'hash:ip', entries: ['192.0.2.9'] }],
    unit: { name: unit, phase: 'inactive', starts: 0, lastResult: 'success', sinceMs: 0, words: execWords(text) },
    ...{
      runs: null,
      begunWith: null,
      heartbeatMs: 0,
      sandboxes: [],
      images: ['docker.io/rancher/mirrored-pause:3.6'],
      units: [],
    },
    kubeRouter: { syncedMs: 0, generation: 0, dirty: true },
    nextAddress: { flannel: 0, cilium: 0 },
    ...{
      nodeReady: false,
      labels: { 'kubernetes.io/hostname': name },
      unschedulable: false,
      guard: null,
      agentHeld: false,
    },
  }
  putFile(node, `/etc/systemd/system/${unit}.service`, text)
  for (const plugin of ['loopback', 'portmap'])
    putFile(node, `${bundledBinDir}/${plugin}`, `the plugin ${plugin}`, 0o755)
  putFile(node, '/etc/cni/net.d/99-mine.conf', '{"name":"mine"}\n')
  putFile(node, '/etc/mine.conf', 'leave me alone\n')
  for (const folder of ['/opt', '/etc/sysctl.d', '/run']) node.files[folder] = { text: '', mode: 0o755, dir: true }
  if (role === 'agent') return node
  putFile(node, '/var/lib/rancher/k3s/server/db/etcd/name', `${name}-0a1b2c3d`)
  putFile(node, '/var/lib/rancher/k3s/server/token', `${tokenText}\n`, 0o600)
  const ownLine = place === 'config' ? 'flannel-backend: vxlan # as ever\n' : ''
  putFile(node, configFile, `# of ${name}\ntoken: ${tokenText}\n${ownLine}write-kubeconfig-mode: "0644"\n`, 0o600)
  return node
}

const pod = (namespace: string, name: string, node: string, labels: Record<string, string>): PodState => ({
  ...{ namespace, name, node, labels, owner: `ReplicaSet/${name.replace(/-[^-]*$/, '')}`, hostNetwork: false },
  ports: [{ name: 'main', containerPort: 80, protocol: 'TCP' }],
  status: { ip: null, ready: false },
  ready: false,
})

function makePods(names: readonly string[], hostPort: boolean): PodState[] {
  const [first = '', second = first] = names
  const last = names.at(-1) ?? first
  return [
    ...names.map((node) => pod('shop', `web-${node}`, node, { app: 'web' })),
    pod('kube-system', 'coredns-1', second, { 'k8s-app': 'kube-dns' }),
    pod('shop', 'db-1', last, { app: 'db' }),
    pod('other', 'client-1', first, { app: 'client' }),
    { ...pod('kube-system', 'node-agent-1', first, { app: 'node-agent' }), hostNetwork: true, ports: [] },
    ...(hostPort ? names : []).map((node) => ({
      ...pod('edge', `ingress-${node}`, node, { app: 'ingress' }),
      ports: [{ name: 'http', containerPort: 80, hostPort: 80, protocol: 'TCP' }],
    })),
  ]
}

const namespaced = (apiVersion: string, kind: string, namespace: string, name: string, spec: object): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, namespace },
  spec,
})

function makeObjects(): Record<string, KubeObject> {
  const service = (namespace: string, name: string, clusterIP: string, port: number, selector: object) =>
    namespaced('v1', 'Service', namespace, name, {
      type: 'ClusterIP',
      clusterIP,
      selector,
      ports: [{ protocol: 'TCP', port, targetPort: port }],
    })
  const objects: KubeObject[] = [
    ...['kube-system', 'shop', 'other', 'edge'].map((name) => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, uid: `uid-of-${name}` },
    })),
    service('shop', 'web', '10.43.7.1', 80, { app: 'web' }),
    service('kube-system', 'kube-dns', '10.43.0.10', 53, { 'k8s-app': 'kube-dns' }),
    namespaced('networking.k8s.io/v1', 'NetworkPolicy', 'shop', 'db-from-shop', {
      podSelector: { matchLabels: { app: 'db' } },
      policyTypes: ['Ingress'],
      ingress: [{ from: [{ podSelector: {} }] }],
    }),
    namespaced('networking.k8s.io/v1', 'NetworkPolicy', 'other', 'nobody', {
      podSelector: { matchLabels: { app: 'client' } },
      policyTypes: ['Ingress'],
      ingress: [],
    }),
    namespaced('batch/v1', 'CronJob', 'shop', 'report', { schedule: '*/5 * * * *', suspend: false }),
    namespaced('batch/v1', 'CronJob', 'shop', 'asleep', { schedule: '*/7 * * * *', suspend: true }),
  ]
  return Object.fromEntries(
    objects.map((object) => [`${object.kind} ${object.metadata.namespace ?? ''}/${object.metadata.name}`, object]),
  )
}

const isSettled = (state: ClusterState): boolean =>
  state.control.led &&
  Object.values(state.nodes).every(kubeletLives) &&
  state.pods.every((one) => one.ready && one.status.ready)

/** A cluster that runs on flannel and kube-router and has come to rest. */
export function makeCluster(shape: Shape, seed: number): ClusterState {
  const names = nodeNames(shape)
  const nodes = Object.fromEntries(
    names.map((name, index) => [name, makeNode(name, index, name.startsWith('s') ? 'server' : 'agent', shape.flags)]),
  )
  const state: ClusterState = {
    ...{
      random: seed,
      nowMs: Date.parse('2026-01-01T20:00:00Z'),
      pace: 0.25,
      lastId: 0,
      events: [],
      pending: {},
      nodes,
    },
    boot: Object.fromEntries(
      Object.values(nodes).map(({ name, links, routes, rules, tables, ipsets }) => [
        name,
        structuredClone({ links, routes, rules, tables, ipsets }),
      ]),
    ),
    pods: makePods(names, shape.hostPort),
    objects: makeObjects(),
    control: { led: false, renewedMs: 0 },
    cilium: {
      ...{
        release: null,
        withoutAgents: false,
        arrivals: [],
        generation: 0,
        observed: 0,
        agents: {},
        enforcing: {},
        operatorReady: 0,
      },
      ...{ ranges: {}, endpoints: {}, kinds: [] },
    },
  }
  for (const node of Object.values(nodes)) start(state, node)
  reconcile(state)
  while (!isSettled(state)) {
    const event = state.events.shift()
    if (event?.kind !== 'due') throw new Error('the simulated cluster does not come to rest')
    advanceTo(state, event.atMs)
    happen(state, event.key)
    reconcile(state)
  }
  return state
}
