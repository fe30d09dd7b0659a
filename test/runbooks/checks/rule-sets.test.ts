import { both, eachIsTold, filter, flag, on, onServers, policy, rules } from './spoiled.ts'

eachIsTold([
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
])
