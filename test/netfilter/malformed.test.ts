import { expect, test } from 'vitest'
import { malformedRules, ruleCounts } from '../../src/netfilter/malformed.ts'
import { fixture, rulesFixtures } from './fixtures.ts'

test.each(rulesFixtures)('%s has none', (name) => {
  expect(malformedRules(fixture(name))).toEqual([])
})

test('verdicts without a match, whatever their comment says', () => {
  const lost = [
    '-A KUBE-FIREWALL -j DROP',
    '-A KUBE-FIREWALL -m comment --comment "-m mark --mark 0x8000/0x8000" -j DROP',
    '-A KUBE-FORWARD -j ACCEPT',
    '-A KUBE-POD-FW-AAAAAAAAAAAAAAAA -m comment --comment "rule to REJECT traffic destined for POD name:web namespace: d" -j REJECT --reject-with icmp-port-unreachable',
  ]
  const whole = [
    '-A KUBE-FIREWALL -m comment --comment "kubernetes firewall for dropping marked packets" -m mark --mark 0x8000/0x8000 -j DROP',
    '-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -j DROP',
    '-A KUBE-NODEPORTS -m comment --comment x',
    '-A KUBE-POD-FW-AAAAAAAAAAAAAAAA -j MARK --set-xmark 0x0/0x10000',
    '-A KUBE-SOURCE-RANGES-FIREWALL -j DROP',
    '-A ufw-reject-forward -j REJECT --reject-with icmp-port-unreachable',
  ]
  const rules = [...whole.slice(0, 3), ...lost, ...whole.slice(3)]
  const chains = [...new Set(rules.map((rule) => rule.split(' ')[1]))].map((chain) => `:${chain} - [0:0]`)
  const text = [
    '*filter',
    ...chains,
    ...rules,
    'COMMIT',
    '*nat',
    ':KUBE-SEP - [0:0]',
    '-A KUBE-SEP -j ACCEPT',
    'COMMIT',
    '',
  ]
  expect(malformedRules(text.join('\n'))).toEqual(lost)
})

test('rules of each table', () => {
  expect(ruleCounts('*filter\n:A - [0:0]\n-A A -j ACCEPT\n-A A -j DROP\nCOMMIT\n*nat\nCOMMIT\n')).toEqual({
    filter: 2,
    nat: 0,
  })
})
