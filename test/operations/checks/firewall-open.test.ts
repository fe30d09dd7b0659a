import { describe, expect, test } from 'vitest'
import type { FirewallFacts } from '../../../src/facts/firewall.ts'
import { firewallOpen, firewallVerdict } from '../../../src/operations/checks/firewall-open.ts'
import { someFacts, someInventory } from '../some-facts.ts'

function withFirewall(firewall: Partial<FirewallFacts>, over: Record<string, string> = {}) {
  const facts = someFacts()
  const node = facts.nodes.s1
  if (node) {
    node.firewall = { ufw: null, firewalld: null, silent: [], ...firewall }
    Object.assign(node.host.services, over)
  }
  return facts
}
const rule = (to: string, from: string, action = 'ALLOW IN') => ({ to, from, action })
const ufw = (...rules: ReturnType<typeof rule>[]) => ({ ufw: { incoming: 'deny', rules } })
const zone = (over: object) => ({
  name: 'public',
  target: 'default',
  interfaces: [],
  sources: [],
  services: [],
  ports: [],
  richRules: [],
  ...over,
})
const other = '192.168.77.12'

describe('a port of s1, from another node', () => {
  test.each<[string, Partial<FirewallFacts>, number, string, string]>([
    ['no front end', {}, 4240, 'tcp', 'open'],
    ['denied by default', ufw(), 4240, 'tcp', 'closed'],
    ['by its number', ufw(rule('4240/tcp', '192.168.77.0/24')), 4240, 'tcp', 'open'],
    ['of another protocol', ufw(rule('4240/udp', 'Anywhere')), 4240, 'tcp', 'closed'],
    ['from elsewhere', ufw(rule('4240', '10.0.0.0/8')), 4240, 'tcp', 'closed'],
    ['in a span', ufw(rule('2379:2380/tcp', 'Anywhere')), 2380, 'tcp', 'open'],
    [
      'the first rule counts',
      ufw(rule('8473/udp', 'Anywhere', 'DENY IN'), rule('Anywhere', other)),
      8473,
      'udp',
      'closed',
    ],
    ['everything from that node', ufw(rule('Anywhere', other)), 8473, 'udp', 'open'],
    ['on one interface only', ufw(rule('Anywhere on cni0', 'Anywhere')), 8473, 'udp', 'closed'],
    ['IPv6 only', ufw(rule('Anywhere (v6)', 'Anywhere (v6)')), 8473, 'udp', 'closed'],
    [
      'a zone by its interface',
      { firewalld: [zone({ interfaces: ['eth0'], ports: ['8473/udp'] })] },
      8473,
      'udp',
      'open',
    ],
    ['not in the zone', { firewalld: [zone({ interfaces: ['eth0'] })] }, 8473, 'udp', 'closed'],
    [
      'a trusted source wins',
      { firewalld: [zone({ interfaces: ['eth0'] }), zone({ target: 'ACCEPT', sources: ['192.168.77.0/24'] })] },
      8473,
      'udp',
      'open',
    ],
    [
      'rich rules are not understood',
      { firewalld: [zone({ interfaces: ['eth0'], richRules: ['rule x'] })] },
      8473,
      'udp',
      'unknown',
    ],
    ['it did not answer', { silent: ['ufw'] }, 8473, 'udp', 'unknown'],
  ])('%s', (_, firewall, port, protocol, verdict) => {
    expect(firewallVerdict(withFirewall(firewall), 's1', other, port, protocol)).toBe(verdict)
  })

  test("rules of nftables' own service are not understood", () => {
    expect(firewallVerdict(withFirewall({}, { nftables: 'active' }), 's1', other, 1, 'tcp')).toBe('unknown')
  })
})

describe('the new pod range', () => {
  const levels = (firewall: Partial<FirewallFacts>) =>
    firewallOpen(withFirewall(firewall), someInventory)
      .filter(({ target }) => target === 's1')
      .map(({ level }) => level)
  test('is let in like the old one, or the command is told', () => {
    expect(levels({})).toEqual(['fine'])
    expect(levels(ufw(rule('Anywhere', '10.42.0.0/16'), rule('Anywhere', '10.52.0.0/16')))).toEqual(['fine', 'warns'])
    expect(levels(ufw(rule('Anywhere', '10.42.0.0/16')))).toEqual(['blocks', 'warns'])
    expect(levels({ firewalld: [zone({ target: 'ACCEPT', sources: ['10.42.0.0/16'] })] })).toEqual(['blocks', 'warns'])
    expect(levels(ufw())).toEqual(['warns', 'warns'])
  })
})
