import { eachIsTold, flag, on, onServers } from './spoiled.ts'

eachIsTold([
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
])
