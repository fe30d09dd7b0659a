import { expect, test } from 'vitest'
import { firewallFamily } from '../../src/facts/firewall.ts'
import { about, answered } from './sections.ts'

const ufw = `Status: active
Logging: on (low)
Default: deny (incoming), allow (outgoing), deny (routed)
New profiles: skip

To                         Action      From
--                         ------      ----
22/tcp                     ALLOW IN    192.168.55.0/24            # ssh
2379:2380/tcp              ALLOW IN    192.168.55.0/24
Anywhere                   ALLOW IN    10.42.0.0/16
8472/udp (v6)              DENY IN     Anywhere (v6)
Anywhere                   ALLOW OUT   Anywhere
`
const firewalld = `block
  target: %%REJECT%%
  interfaces: 
  sources: 

public (active, default)
  target: default
  icmp-block-inversion: no
  interfaces: eth0
  sources: 
  services: ssh
  ports: 6443/tcp 8000-8100/tcp
  rich rules: 
	rule family="ipv4" source address="10.0.0.1" accept

trusted (active)
  target: ACCEPT
  interfaces: 
  sources: 10.42.0.0/16 10.43.0.0/16
  services: 
  ports: 
  rich rules: 
`

test("ufw's rules for what comes in, and its default", () => {
  expect(firewallFamily.parse(answered({ 'firewall.ufw': ufw }), about)).toEqual({
    ufw: {
      incoming: 'deny',
      rules: [
        { to: '22/tcp', action: 'ALLOW IN', from: '192.168.55.0/24' },
        { to: '2379:2380/tcp', action: 'ALLOW IN', from: '192.168.55.0/24' },
        { to: 'Anywhere', action: 'ALLOW IN', from: '10.42.0.0/16' },
        { to: '8472/udp (v6)', action: 'DENY IN', from: 'Anywhere (v6)' },
      ],
    },
    firewalld: null,
    silent: [],
  })
})

test("firewalld's zones that apply to something", () => {
  expect(firewallFamily.parse(answered({ 'firewall.firewalld': firewalld }), about).firewalld).toEqual([
    {
      name: 'public',
      target: 'default',
      interfaces: ['eth0'],
      sources: [],
      services: ['ssh'],
      ports: ['6443/tcp', '8000-8100/tcp'],
      richRules: ['rule family="ipv4" source address="10.0.0.1" accept'],
    },
    expect.objectContaining({ name: 'trusted', target: 'ACCEPT', sources: ['10.42.0.0/16', '10.43.0.0/16'] }),
  ])
})

test('one that runs and does not answer is named, not taken for none', () => {
  expect(firewallFamily.parse(answered({ 'firewall.ufw': { code: 124 } }), about)).toEqual({
    ufw: null,
    firewalld: null,
    silent: ['ufw'],
  })
  expect(firewallFamily.parse(answered({}), about).silent).toEqual([])
})
