import type { Facts, NodeFacts } from '../../src/facts/facts.ts'
import type { Inventory } from '../../src/inventory/schema.ts'

/** Facts of a small cluster with flannel, made by hand: three servers, one agent, one pod and one DNS pod each. */
export const podCidr = '10.52.0.0/16'

const unitText = (role: string) => `[Service]\nExecStart=/usr/local/bin/k3s \\\n    ${role} \\\n\t'--node-name' \\\n\n`

export function someNode(name: string, index: number, role: 'server' | 'agent'): NodeFacts {
  const unit = role === 'server' ? 'k3s' : 'k3s-agent'
  const fragmentPath = `/etc/systemd/system/${unit}.service`
  const text = { sha256: 'a'.repeat(64), mode: 0o644, uid: 0, gid: 0, text: unitText(role) }
  const flag = (value: string) => ({ value, from: 'default' })
  return {
    name,
    address: `192.168.77.${11 + index}`,
    host: {
      hostname: name,
      kernel: '6.1.0',
      os: { id: 'debian', version: '12' },
      bootId: `boot-${name}`,
      epochMs: 1_000_000,
      clockOffsetMs: 3,
      disks: [{ path: '/var/lib/rancher', freeBytes: 20 * 1024 ** 3, totalBytes: 40 * 1024 ** 3 }],
      uplink: { name: 'eth0', mtu: 1500, address: `192.168.77.${11 + index}` },
      commands: {},
      services: {},
      resolves: {},
    },
    unit: {
      name: unit,
      role,
      activeState: 'active',
      subState: 'running',
      result: 'success',
      enabled: true,
      execStart: ['/usr/local/bin/k3s', role],
      fragmentPath,
      mainPid: 100 + index,
    },
    k3s: {
      version: 'v1.34.4+k3s1',
      files: { [fragmentPath]: text },
      flags: {
        'flannel-backend': flag('vxlan'),
        'disable-network-policy': flag('false'),
        'cluster-cidr': flag('10.42.0.0/16'),
        'service-cidr': flag('10.43.0.0/16'),
        ...(role === 'server' ? { 'egress-selector-mode': flag('agent') } : {}),
      },
      cni: { confDir: '/var/lib/rancher/k3s/agent/etc/cni/net.d', binDir: '/var/lib/rancher/k3s/data/cni' },
      containerdTemplate: false,
      localApi: true,
    },
    etcd:
      role === 'server'
        ? {
            initialized: true,
            memberName: `${name}-0a1b2c3d`,
            hasLeader: true,
            isLearner: false,
            activePeers: 2,
            walFsyncP99Ms: 4,
            dbSizeBytes: 20 * 1024 ** 2,
            snapshots: [],
          }
        : null,
    netfilter: {
      rulesets: {
        'ip-nft':
          '*filter\n:FORWARD ACCEPT [0:0]\n:KUBE-ROUTER-FORWARD - [0:0]\n-A FORWARD -m comment --comment "kube-router netpol - TEMCG2JMHZYE7H7T" -j KUBE-ROUTER-FORWARD\nCOMMIT\n*nat\n:POSTROUTING ACCEPT [0:0]\n:FLANNEL-POSTRTG - [0:0]\n-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG\nCOMMIT\n',
        'ip-legacy': null,
        'ip6-nft': null,
        'ip6-legacy': null,
      },
      defaultBackend: 'nft',
      ipsets: 'create KUBE-SRC-AAAAAAAAAAAAAAAA hash:ip family inet hashsize 1024 maxelem 65536 timeout 0\n',
      nftTables: [],
    },
    network: {
      links: ['eth0', 'cni0', 'flannel.1'].map((link) => ({
        name: link,
        kind: link === 'cni0' ? 'bridge' : link === 'flannel.1' ? 'vxlan' : '',
        up: true,
        mtu: 1500,
        master: null,
        vxlanPort: link === 'flannel.1' ? 8472 : null,
        addresses: link === 'eth0' ? [`192.168.77.${11 + index}/24`] : [],
      })),
      routes: [`10.42.${index}.0/24 dev cni0 proto kernel scope link src 10.42.${index}.1`],
      rules: [],
      udpPorts: [8472],
    },
    cni: {
      files: {
        '/run/flannel/subnet.env': {
          path: '/run/flannel/subnet.env',
          type: 'file',
          sizeBytes: 90,
          mode: 0o644,
          text: 'FLANNEL_MTU=1450\n',
          sha256: 'b'.repeat(64),
        },
      },
    },
    sandboxes: [
      {
        id: `${index}a`,
        namespace: 'shop',
        name: `web-${index}`,
        uid: `u-web-${index}`,
        ready: true,
        createdMs: 1,
        netns: `/var/run/netns/cni-${index}a`,
        ip: `10.42.${index}.5`,
      },
      {
        id: `${index}b`,
        namespace: 'kube-system',
        name: `host-${index}`,
        uid: `u-host-${index}`,
        ready: true,
        createdMs: 1,
        netns: null,
        ip: null,
      },
    ],
    images: [],
    kernel: {
      arch: 'x86_64',
      config: { file: '/boot/config-6.1.0', options: Object.fromEntries(kernelOptions.map((name) => [name, 'y'])) },
      missingModules: [],
      filesystems: ['cgroup2', 'bpf'],
      mounts: [
        { type: 'cgroup2', path: '/sys/fs/cgroup' },
        { type: 'bpf', path: '/sys/fs/bpf' },
      ],
      sysctls: { 'net.ipv4.conf.all.rp_filter': '0', 'net.ipv4.conf.default.rp_filter': '0' },
      lateRpFilter: [],
      sysctlWritable: true,
      drivers: { eth0: 'e1000e' },
    },
    firewall: { ufw: null, firewalld: null, silent: [] },
    upkeep: { units: {}, aptInstalls: false, networkd: {}, flannelTuning: [] },
  }
}

const kernelOptions =
  'BPF BPF_SYSCALL NET_CLS_BPF BPF_JIT NET_CLS_ACT NET_SCH_INGRESS CRYPTO_SHA1 CRYPTO_USER_API_HASH CGROUPS CGROUP_BPF PERF_EVENTS SCHEDSTATS NETFILTER_XT_SET IP_SET IP_SET_HASH_IP NETFILTER_XT_MATCH_COMMENT VXLAN FIB_RULES NETFILTER_XT_TARGET_TPROXY NETFILTER_XT_TARGET_MARK NETFILTER_XT_TARGET_CT NETFILTER_XT_MATCH_MARK NETFILTER_XT_MATCH_SOCKET'.split(
    ' ',
  )

export function someFacts(): Facts {
  const names: [string, 'server' | 'agent'][] = [
    ['s1', 'server'],
    ['s2', 'server'],
    ['s3', 'server'],
    ['a1', 'agent'],
  ]
  const nodes = names.map(([name, role], index) => someNode(name, index, role))
  const nowMs = Date.parse('2026-11-21T10:00:00Z')
  return {
    format: 1,
    cluster: 'lab',
    readAt: '2026-11-21T10:00:00Z',
    nodes: Object.fromEntries(nodes.map((node) => [node.name, node])),
    kube: {
      reachable: true,
      error: null,
      version: 'v1.34.4+k3s1',
      nodes: nodes.map((node, index) => ({
        name: node.name,
        internalIp: node.address,
        podCidr: `10.42.${index}.0/24`,
        ready: true,
        readyMessage: '',
        heartbeatMs: nowMs - 5_000,
        unschedulable: false,
        taints: [],
        labels: {},
        annotations: {
          'k3s.io/node-args': JSON.stringify([
            node.unit.role,
            '--flannel-backend',
            'vxlan',
            '--disable-network-policy',
            'false',
          ]),
        },
        etcdVoter: node.etcd ? 'True' : null,
        kubeletVersion: 'v1.34.4+k3s1',
      })),
      pods: nodes.flatMap((node, index) => [
        {
          namespace: 'shop',
          name: `web-${index}`,
          uid: `u-web-${index}`,
          node: node.name,
          phase: 'Running',
          ip: `10.42.${index}.5`,
          hostNetwork: false,
          ready: true,
          owner: 'Deployment/web',
          labels: {},
          ports: [8080],
          hostPorts: [],
          waiting: null,
          restarts: 0,
          startedMs: nowMs - 3_600_000,
        },
      ]),
      namespaces: ['shop', 'kube-system'].map((name) => ({ name, labels: { 'kubernetes.io/metadata.name': name } })),
      policies: [],
      services: [],
      cronJobs: [
        { namespace: 'shop', name: 'report', schedule: '*/5 * * * *', suspended: false, ours: false },
        { namespace: 'shop', name: 'asleep', schedule: '0 3 * * *', suspended: true, ours: false },
      ],
      flux: [],
      leases: ['kube-controller-manager', 'kube-scheduler'].map((name) => ({
        namespace: 'kube-system',
        name,
        holder: 's1',
        renewMs: nowMs - 2_000,
      })),
      cilium: {
        chart: null,
        config: null,
        daemonSet: null,
        agents: [],
        operatorReady: 0,
        kinds: [],
        nodes: [],
        endpoints: [],
      },
    },
    reachability: null,
    obstacles: { unread: {}, disruptionBudgets: [], webhooks: [], argo: [], volumes: [] },
    paths: nodes.flatMap((from) =>
      nodes
        .filter((to) => to !== from)
        .map((to) => ({
          from: from.name,
          to: to.name,
          address: to.address,
          protocol: 'udp' as const,
          port: 8473,
          what: "Cilium's tunnel",
          outcome: 'open' as const,
          listening: true,
          why: null,
        })),
    ),
  }
}

export const someInventory: Inventory = {
  file: '/tmp/inventory.yaml',
  cluster: { name: 'lab' },
  nodes: ['s1', 's2', 's3', 'a1'].map((name, index) => ({
    name,
    role: name === 'a1' ? 'agent' : 'server',
    address: `192.168.77.${11 + index}`,
    ssh: {},
  })),
  lifeboat: 's3',
  canary: 'a1',
  cilium: {
    version: '1.17.6',
    podCidr,
    tunnelPort: 8473,
    chart: { repo: 'https://helm.cilium.io' },
    install: 'helm-chart-object',
    kubeProxyReplacement: false,
    hubble: false,
    auditPolicies: false,
    values: {},
  },
  probes: { externalTargets: [] },
  stateDir: '/tmp/.migrate',
}
