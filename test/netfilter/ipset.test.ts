import { expect, test } from 'vitest'
import {
  destroyOrder,
  destroyScript,
  isCiliumSet,
  isKubeRouterSet,
  parseIpsets,
  printIpsets,
  withoutSets,
} from '../../src/netfilter/ipset.ts'
import { fixture } from './fixtures.ts'

const set = (name: string, type = 'hash:ip') => ({ name, type, lines: [`create ${name} ${type} family inet`] })

test.each(['k3s-1.21.3-hostport.ipset', 'k3s-1.21.3.legacy.ipset', 'kube-router-2.6.3.ipset'])('%s', (name) => {
  const sets = parseIpsets(fixture(name))
  expect(printIpsets(sets)).toBe(fixture(name))
  expect(sets.length).toBeGreaterThan(1)
  expect(sets.every(isKubeRouterSet)).toBe(true)
})

test('only by the exact form of its names and types', () => {
  const own = ['KUBE-SRC-TAXIWH5GC465FEAO', 'inet6:KUBE-DST-TAXIWH5GC465FEAO', 'TMP-ABCDEFGHIJ234567']
  const others = [
    'KUBE-SRC-mine',
    'KUBE-SRC-TAXIWH5GC465FEAOX',
    'KUBE-LOOP-BACK',
    'TMP-mine',
    'xKUBE-SRC-TAXIWH5GC465FEAO',
    'KUBE-DST',
  ]
  expect(own.map((name) => isKubeRouterSet(set(name)))).toEqual(own.map(() => true))
  expect(others.map((name) => isKubeRouterSet(set(name)))).toEqual(others.map(() => false))
  expect(isKubeRouterSet(set('KUBE-SRC-TAXIWH5GC465FEAO', 'bitmap:port'))).toBe(false)
  expect(['cilium_node_set_v4', 'cilium_node_set_v6', 'cilium_mine'].map((name) => isCiliumSet(set(name)))).toEqual([
    true,
    true,
    false,
  ])
})

test('sets of sets are destroyed first, and what is left is text as before', () => {
  const text = 'create a hash:ip family inet\nadd a 10.0.0.1 comment "x y"\ncreate l list:set size 8\nadd l a\n'
  expect(destroyOrder(parseIpsets(text))).toEqual(['l', 'a'])
  expect(destroyScript(['l', 'a'])).toBe('destroy l\ndestroy a\n')
  expect(withoutSets(text, ['l'])).toBe('create a hash:ip family inet\nadd a 10.0.0.1 comment "x y"\n')
})

test('what is no saved set is refused, with the line', () => {
  expect(() => parseIpsets('create a hash:ip family inet\nadd b 10.0.0.1\n')).toThrow('ipset save, line 2')
  expect(() => parseIpsets('flush a\n')).toThrow('line 1')
})
