import { expect, test } from 'vitest'
import { peersOf } from '../../../../src/lab/standin/node/flannel/flannel.ts'
import { flannelRules, repairTable } from '../../../../src/lab/standin/node/flannel/rules.ts'

const rules = flannelRules('10.42.0.0/16', '10.42.1.0/24')

test("the masquerading chain has its six rules in flannel's order", () => {
  expect(rules.nat.slice(1).map((rule) => rule.replace(/ -m comment --comment "flanneld masq"/, ''))).toEqual([
    '-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -j RETURN',
    '-A FLANNEL-POSTRTG -s 10.42.1.0/24 -d 10.42.0.0/16 -j RETURN',
    '-A FLANNEL-POSTRTG -s 10.42.0.0/16 -d 10.42.1.0/24 -j RETURN',
    '-A FLANNEL-POSTRTG ! -s 10.42.0.0/16 -d 10.42.1.0/24 -j RETURN',
    '-A FLANNEL-POSTRTG -s 10.42.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully',
    '-A FLANNEL-POSTRTG ! -s 10.42.0.0/16 -d 10.42.0.0/16 -j MASQUERADE --random-fully',
  ])
})

test('a table that has them is left alone; a missing rule brings the chain back whole and the jump once', () => {
  expect(repairTable('nat', rules.nat.join('\n'), rules.nat)).toBeNull()
  const repaired = repairTable('nat', rules.nat.slice(0, 3).join('\n'), rules.nat) ?? ''
  expect(repaired.split('\n').filter((line) => line.startsWith('-A'))).toEqual(rules.nat.slice(1))
  expect(repairTable('filter', '', rules.filter)).toContain(rules.filter[0])
})

test("peers are the other nodes that run flannel's vxlan and have a subnet", () => {
  const node = (name: string, annotations: Record<string, string>, podCIDR?: string) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, annotations },
    spec: { podCIDR },
  })
  const flannel = {
    'flannel.alpha.coreos.com/backend-data': '{"VNI":1,"VtepMAC":"e2:e2:f9:95:8a:2f"}',
    'flannel.alpha.coreos.com/backend-type': 'vxlan',
    'flannel.alpha.coreos.com/public-ip': '10.99.0.11',
  }
  const peers = peersOf(
    [
      node('me', flannel, '10.42.0.0/24'),
      node('k1', flannel, '10.42.1.0/24'),
      node('new', {}, '10.42.2.0/24'),
      node('early', flannel),
    ],
    'me',
  )
  expect([...peers]).toEqual([
    ['k1', { podCidr: '10.42.1.0/24', vtepMac: 'e2:e2:f9:95:8a:2f', publicIp: '10.99.0.11' }],
  ])
})
