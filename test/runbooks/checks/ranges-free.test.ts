import { cilium, eachIsTold, on } from './spoiled.ts'

eachIsTold([
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
])
