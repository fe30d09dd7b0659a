import { eachIsTold, flag, on, pod, values } from './spoiled.ts'

eachIsTold([
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
])
