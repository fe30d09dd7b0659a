import { expect, test } from 'vitest'
import { cilium, eachIsTold, found, on } from './spoiled.ts'

eachIsTold([
  ['a range in use', cilium({ podCidr: '10.43.0.0/16' }), 'blocks', /overlaps/],
  ['a range too small', cilium({ podCidr: '10.52.0.0/23' }), 'blocks', /2 of 4 nodes/],
  ['a range just large enough', cilium({ podCidr: '10.52.0.0/22' }), 'warns', /enough for 4 nodes/],
  ["flannel's own port", cilium({ tunnelPort: 8472 }), 'blocks', /flannel has it.*stay DOWN/],
  [
    'a port that somebody else has',
    (facts, inventory) => {
      inventory.cilium.tunnelPort = 4789
      on('s2', (node) => node.network.udpPorts.push(4789))(facts)
    },
    'blocks',
    /something listens on it/,
  ],
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

test("in the seed's order flannel has left its port before Cilium's tunnel takes it", () => {
  expect(found(cilium({ tunnelPort: 8472 }), 'seed')).toEqual([])
})
