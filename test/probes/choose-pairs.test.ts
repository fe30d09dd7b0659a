import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { choosePairs } from '../../src/probes/choose-pairs.ts'
import { locate } from '../../src/probes/pairs.ts'
import { clusterFacts, type PodSpec } from './cluster-facts.ts'

const pods: PodSpec[] = ['n1', 'n2', 'n3'].flatMap((node, index) =>
  ['shop', 'pay', 'open'].map((namespace) => ({ namespace, name: `web-${index}`, node })),
)
const facts = clusterFacts(pods, { policies: ['shop', 'pay'] })

describe('choosing', () => {
  test('every sort is there, every pod is a source, ids are unique, and the number is bounded', () => {
    const pairs = choosePairs(facts, ['example.org:443'])
    const nodeOf = (name: string) => pods.find((pod) => `${pod.namespace}/${pod.name}` === name)?.node
    const between = pairs.filter((pair) => nodeOf(pair.from) && nodeOf(pair.to))
    expect(between.some((pair) => nodeOf(pair.from) === nodeOf(pair.to))).toBe(true)
    const crossed = between.map((pair) => `${nodeOf(pair.from)}>${nodeOf(pair.to)}`)
    for (const direction of ['n1>n2', 'n1>n3', 'n2>n1', 'n2>n3', 'n3>n1', 'n3>n2']) expect(crossed).toContain(direction)
    expect(pairs.some((pair) => pair.from === 'node:n1')).toBe(true)
    expect(pairs.some((pair) => pair.to === 'service:shop/web' && pair.port === 80)).toBe(true)
    expect(pairs.some((pair) => pair.to === 'dns:kube-system/kube-dns' && pair.kind === 'dns')).toBe(true)
    expect(pairs.some((pair) => pair.to === 'external:example.org' && pair.port === 443)).toBe(true)
    expect(pairs.some((pair) => pair.to.includes('headless'))).toBe(false)
    for (const pod of pods) expect(pairs.some((pair) => pair.from === `${pod.namespace}/${pod.name}`)).toBe(true)
    expect(new Set(pairs.map((pair) => pair.id)).size).toBe(pairs.length)
    expect(pairs.length).toBeLessThanOrEqual(64)
  })

  test('namespaces with policies and without meet in all ways', () => {
    const ways = new Set(choosePairs(facts).map((pair) => `${pair.from.split('/')[0]}>${pair.to.split('/')[0]}`))
    for (const way of ['shop>pay', 'pay>shop', 'shop>open', 'open>shop', 'open>open', 'shop>shop'])
      expect(ways).toContain(way)
  })

  test('the order in which pods are listed makes no difference', () => {
    const expected = choosePairs(facts)
    fc.assert(
      fc.property(fc.shuffledSubarray(pods, { minLength: pods.length }), (shuffled) => {
        expect(choosePairs(clusterFacts(shuffled, { policies: ['pay', 'shop'] }))).toEqual(expected)
      }),
      { numRuns: 20 },
    )
  })

  test('pods of jobs, of the host network, and without a sandbox are left out', () => {
    const odd = [
      { namespace: 'a', name: 'job', node: 'n1', owner: 'Job/x' },
      { namespace: 'a', name: 'host', node: 'n1', hostNetwork: true },
      { namespace: 'a', name: 'starting', node: 'n1', netns: null },
      { namespace: 'a', name: 'web', node: 'n1' },
    ]
    const names = choosePairs(clusterFacts(odd)).flatMap((pair) => [pair.from, pair.to])
    expect(names.filter((name) => /job|host|starting/.test(name))).toEqual([])
  })

  test('a thousand pods on a hundred nodes: still about sixty, quickly', () => {
    const many = Array.from({ length: 1000 }, (_, i) => ({
      namespace: `ns-${i % 37}`,
      name: `p-${i}`,
      node: `n${i % 100}`,
    }))
    const start = performance.now()
    expect(choosePairs(clusterFacts(many)).length).toBeLessThanOrEqual(64)
    expect(performance.now() - start).toBeLessThan(3_000)
  })
})

describe('locating', () => {
  test('on the node of the source, in its namespace, at the address of now', () => {
    const moved = clusterFacts([
      { namespace: 'a', name: 'x', node: 'n1', netns: '/run/netns/new' },
      { namespace: 'b', name: 'y', node: 'n2', ip: '10.52.3.4' },
    ])
    const pair = { id: 'a/x>b/y:8080', from: 'a/x', to: 'b/y', port: 8080, kind: 'tcp' as const }
    expect(Object.fromEntries(locate([pair], moved))).toEqual({
      n1: [{ id: pair.id, netns: '/run/netns/new', address: '10.52.3.4', port: 8080, kind: 'tcp' }],
      n2: [],
    })
  })

  test('who is not there now is left out', () => {
    const pairs = choosePairs(facts)
    const located = [...locate(pairs, clusterFacts(pods.slice(1), { nodes: ['n1'] })).values()].flat()
    expect(located.length).toBeLessThan(pairs.length)
    expect(located.some((target) => target.id.includes('shop/web-0'))).toBe(false)
  })

  test('names and paths that could be more than that never reach a file', () => {
    const hostile = clusterFacts([
      { namespace: 'a', name: 'x', node: 'n1', netns: '/run/netns/x\ty\nz' },
      { namespace: 'b', name: 'y', node: 'n1', ip: '1.2.3.4 /etc' },
    ])
    const pairs = choosePairs(hostile)
    expect(pairs.length).toBeGreaterThan(0)
    for (const target of [...locate(pairs, hostile).values()].flat())
      expect(`${target.id}${target.netns}${target.address}`).toMatch(/^[A-Za-z0-9_.:/>@-]+$/)
  })
})
