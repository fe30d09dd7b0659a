import { describe, expect, test } from 'vitest'
import { cilium } from '../../src/netfilter/cilium.ts'
import { flannel } from '../../src/netfilter/flannel.ts'
import { kubeRouter } from '../../src/netfilter/kube-router.ts'
import { stalePortmap } from '../../src/netfilter/portmap.ts'
import type { Recogniser } from '../../src/netfilter/recogniser.ts'
import { planRemoval } from '../../src/netfilter/removal.ts'
import { parse } from '../../src/netfilter/ruleset.ts'
import { fixture, foreign, plant, rulesFixtures } from './fixtures.ts'

const allGone = () => true
const cidr = '10.42.0.0/16'
const plan = (text: string, ...recognisers: Recogniser[]) => planRemoval(parse(text), recognisers)
const hostport = fixture('k3s-1.21.3-hostport.nft.rules')
const container = '7f3a29c9daa8299117c1266c25ef6efcc95e535f07f8a3ca23e304db3aaad625'
const chainsIn = (text: string, pattern: RegExp) =>
  [...text.matchAll(/^:(\S+) /gm)].map((match) => match[1] ?? '').filter((name) => pattern.test(name))

describe('kube-router', () => {
  test.each(
    rulesFixtures.filter((name) => !name.includes('ip6')),
  )('%s: its chains and what leads into them', (name) => {
    const text = fixture(name)
    const removal = plan(text, kubeRouter)
    expect(Object.keys(removal)).toEqual(['filter'])
    expect(removal.filter?.chains.toSorted()).toEqual(chainsIn(text, /^KUBE-(ROUTER|POD-FW|NWPLCY)-/).toSorted())
    const lines = text.split('\n').map((line) => line.replace(/^\[\d+:\d+\] /, ''))
    expect(removal.filter?.rules).toEqual(
      lines.filter((line) => /^-A (INPUT|FORWARD|OUTPUT) .*(-j KUBE-ROUTER-|KUBE-ROUTER rule)/.test(line)),
    )
  })

  test('three jumps and three explicit ACCEPTs of 2.6, as often as they stand there', () => {
    const text = fixture('kube-router-2.6.3.rules')
    const rules = plan(text, kubeRouter).filter?.rules ?? []
    expect(rules).toHaveLength(6)
    expect(plan(plant(text, { filter: rules }), kubeRouter).filter?.rules).toHaveLength(12)
  })

  test('a rule set of IPv6 without it has nothing to remove', () => {
    expect(plan(fixture('k3s-1.21.3.ip6.rules'), kubeRouter)).toEqual({})
  })

  test('a jump that somebody else put into one of its chains goes too: the kernel would keep the chain', () => {
    const text = plant(fixture('kube-router-2.6.3.rules'), {
      filter: [':MINE - [0:0]', '-A MINE -m comment --comment mine -g KUBE-ROUTER-INPUT', '-A MINE -j DROP'],
    })
    const rules = plan(text, kubeRouter).filter?.rules
    expect(rules).toContain('-A MINE -m comment --comment mine -g KUBE-ROUTER-INPUT')
    expect(rules).not.toContain('-A MINE -j DROP')
  })

  test('the older wording of the explicit ACCEPT, and another order of its matches', () => {
    const lines = [
      '-A INPUT -m comment --comment "rule to explicitly ACCEPT traffic that comply to network policies" -m mark --mark 0x20000/0x20000 -j ACCEPT',
      '-A INPUT -m mark --mark 0x20000/0x20000 -m comment --comment "KUBE-ROUTER rule to explicitly ACCEPT traffic that comply to network policies" -j ACCEPT',
    ]
    const text = `*filter\n:INPUT ACCEPT [0:0]\n${lines.join('\n')}\nCOMMIT\n`
    expect(plan(text, kubeRouter)).toEqual({ filter: { chains: [], rules: lines } })
    expect(plan(text.replaceAll('INPUT', 'MINE'), kubeRouter)).toEqual({})
  })
})

describe('flannel', () => {
  test('its chains and jumps', () => {
    const text = fixture('kube-router-2.6.3.rules')
    expect(plan(text, flannel(cidr))).toEqual({
      filter: { chains: ['FLANNEL-FWD'], rules: ['-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD'] },
    })
  })

  test('K3s 1.21: rules without chains and comments, by their exact form', () => {
    expect(plan(hostport, flannel(cidr))).toEqual({
      filter: { chains: [], rules: [`-A FORWARD -s ${cidr} -j ACCEPT`, `-A FORWARD -d ${cidr} -j ACCEPT`] },
      nat: {
        chains: [],
        rules: [
          `-A POSTROUTING -s ${cidr} -d ${cidr} -j RETURN`,
          `-A POSTROUTING -s ${cidr} ! -d 224.0.0.0/4 -j MASQUERADE --random-fully`,
          `-A POSTROUTING ! -s ${cidr} -d 10.42.1.0/24 -j RETURN`,
          `-A POSTROUTING ! -s ${cidr} -d ${cidr} -j MASQUERADE --random-fully`,
        ],
      },
    })
    expect(plan(hostport, flannel('10.52.0.0/16'))).toEqual({})
  })

  test('without its nat rules a bare FORWARD rule could be anybody`s and stays', () => {
    const text = `*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -s ${cidr} -j ACCEPT\n-A FORWARD -d ${cidr} -m comment --comment "flanneld forward" -j ACCEPT\nCOMMIT\n`
    expect(plan(text, flannel(cidr)).filter?.rules).toEqual([
      `-A FORWARD -d ${cidr} -m comment --comment "flanneld forward" -j ACCEPT`,
    ])
  })

  test('both families of a dual-stack cluster', () => {
    const masq = '-m comment --comment "flanneld masq"'
    const text = `*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -s fd00:42::/56 ${masq} ! -d ff00::/8 -j MASQUERADE\nCOMMIT\n`
    expect(plan(text, flannel(`${cidr},fd00:42::/56`)).nat?.rules).toHaveLength(1)
    expect(plan(text, flannel(cidr))).toEqual({})
  })
})

describe('host ports', () => {
  test('an entry of a container that is gone, and then the shared chains', () => {
    expect(plan(hostport, stalePortmap(allGone))).toEqual({
      nat: {
        chains: expect.arrayContaining([
          'CNI-DN-c33a9e50d8a59d494c361',
          'CNI-HOSTPORT-DNAT',
          'CNI-HOSTPORT-MASQ',
          'CNI-HOSTPORT-SETMARK',
        ]),
        rules: [
          '-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
          '-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
          '-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ',
        ],
      },
    })
  })

  test('of the network that is asked for, and no other', () => {
    const onCilium = hostport.replaceAll('dnat name: \\"cbr0\\"', 'dnat name: \\"portmap\\"')
    expect(onCilium).not.toBe(hostport)
    expect(plan(onCilium, stalePortmap(allGone, ['portmap']))).toEqual(plan(hostport, stalePortmap(allGone)))
    expect(plan(onCilium, stalePortmap(allGone))).toEqual({})
  })

  test('one that lives stays, and so does everything when nobody knows who lives', () => {
    expect(
      plan(
        hostport,
        stalePortmap((id) => id !== container),
      ),
    ).toEqual({})
    expect(plan(hostport, stalePortmap(null))).toEqual({})
  })

  test('another network`s entry stays, with the shared chains; the dead one goes alone', () => {
    const other =
      '-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"portmap\\" id: \\"abcd\\"" -m multiport --dports 80 -j CNI-DN-000000000000000000000'
    const text = plant(hostport, { nat: [':CNI-DN-000000000000000000000 - [0:0]', other] })
    const removal = plan(text, stalePortmap(allGone)).nat
    expect(removal?.chains).toEqual(['CNI-DN-c33a9e50d8a59d494c361'])
    expect(removal?.rules).toEqual([expect.stringContaining(container)])
  })

  test('something of others in the shared chains keeps them', () => {
    const text = plant(hostport, { nat: ['-A CNI-HOSTPORT-MASQ -s 192.0.2.0/24 -j RETURN'] })
    expect(plan(text, stalePortmap(allGone)).nat?.chains).toEqual(['CNI-DN-c33a9e50d8a59d494c361'])
  })
})

test('Cilium: all its chains in all tables, and the feeders', () => {
  const text = fixture('cilium-1.13.9-beside-flannel.nft.rules')
  const removal = plan(text, cilium)
  expect(Object.keys(removal).toSorted()).toEqual(['filter', 'mangle', 'nat', 'raw'])
  const chains = Object.values(removal).flatMap((one) => one.chains)
  expect(chains.toSorted()).toEqual(chainsIn(text, /^CILIUM_/).toSorted())
  const rules = Object.values(removal).flatMap((one) => one.rules)
  expect(rules).toHaveLength(text.match(/cilium-feeder: /g)?.length ?? 0)
  expect(rules.every((rule) => rule.includes('cilium-feeder'))).toBe(true)
})

test('what merely looks like theirs is nobody`s', () => {
  const owners = [kubeRouter, flannel(cidr), cilium, stalePortmap(allGone)]
  const text = '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\nCOMMIT\n*nat\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n'
  expect(plan(plant(text, foreign), ...owners)).toEqual({})
})
