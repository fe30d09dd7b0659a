import fc from 'fast-check'
import { expect, test } from 'vitest'
import { between, bucketsOf, parseMetrics, quantile, sumOf } from '../../src/probes/prometheus.ts'

const text = `# HELP kubeproxy_sync_proxy_rules_duration_seconds [ALPHA] SyncProxyRules latency in seconds
# TYPE kubeproxy_sync_proxy_rules_duration_seconds histogram
kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family="IPv4",le="0.001"} 0
kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family="IPv4",le="0.002"} 3
kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family="IPv4",le="+Inf"} 4
kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family="IPv6",le="0.002"} 1
kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family="IPv6",le="+Inf"} 1
kubeproxy_sync_proxy_rules_last_timestamp_seconds 1.7952451586e+09
odd{path="a\\\\b",said="\\"x,y=\\"1"} NaN 1395066363000
not a metric
`

test('series, labels and values', () => {
  const metrics = parseMetrics(text)
  expect(metrics).toHaveLength(7)
  expect(metrics.at(-1)).toEqual({ name: 'odd', labels: { path: 'a\\b', said: '"x,y="1' }, value: Number.NaN })
  expect(sumOf(metrics, 'kubeproxy_sync_proxy_rules_last_timestamp_seconds')).toBe(1_795_245_158.6)
  expect(sumOf(metrics, 'nothing')).toBeNull()
  expect([...bucketsOf(metrics, 'kubeproxy_sync_proxy_rules_duration_seconds')]).toEqual([
    [0.001, 0],
    [0.002, 4],
    [Number.POSITIVE_INFINITY, 5],
  ])
})

test('what was observed between two readings, across a restart too', () => {
  const buckets = (...counts: number[]) => new Map(counts.map((count, index) => [index + 1, count]))
  expect([...between(buckets(1, 5), buckets(2, 9))]).toEqual([
    [1, 1],
    [2, 4],
  ])
  expect([...between(buckets(1, 5), buckets(0, 4)).values()]).toEqual([0, 4])
  expect([...between(new Map(), buckets(0, 4)).values()]).toEqual([0, 4])
})

test.each([
  [
    'in the middle of a bucket',
    0.5,
    [
      [1, 10],
      [2, 20],
      [Number.POSITIVE_INFINITY, 20],
    ],
    1,
  ],
  [
    'linear within it',
    0.75,
    [
      [1, 10],
      [2, 20],
      [Number.POSITIVE_INFINITY, 20],
    ],
    1.5,
  ],
  [
    'beyond the last bound',
    0.99,
    [
      [1, 10],
      [2, 20],
      [Number.POSITIVE_INFINITY, 40],
    ],
    2,
  ],
  [
    'nothing observed',
    0.99,
    [
      [1, 0],
      [Number.POSITIVE_INFINITY, 0],
    ],
    null,
  ],
  ['no buckets', 0.99, [], null],
] as const)('a quantile: %s', (_, share, buckets, expected) => {
  expect(quantile(share, new Map(buckets.map(([bound, count]) => [bound, count])))).toBe(expected)
})

test('a quantile lies in the bucket of the observation that it is', () => {
  const bounds = [1, 2, 4, 8, 16]
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.001, max: 15.9, noNaN: true }), { minLength: 1 }), (observed) => {
      const buckets = new Map(bounds.map((bound) => [bound, observed.filter((value) => value <= bound).length]))
      const found = quantile(0.99, buckets) ?? Number.NaN
      const exact = observed.toSorted((a, b) => a - b)[Math.ceil(0.99 * observed.length) - 1] ?? 0
      const upper = bounds.find((bound) => exact <= bound) ?? 0
      expect(found).toBeLessThanOrEqual(upper)
      expect(found).toBeGreaterThanOrEqual(upper === 1 ? 0 : upper / 2)
    }),
  )
})
