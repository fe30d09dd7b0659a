import { expect, test } from 'vitest'
import { ProxyMetrics } from '../../../../src/lab/standin/node/kube-proxy/metrics.ts'

const sample = (metrics: ProxyMetrics, series: string) =>
  metrics
    .text()
    .split('\n')
    .find((line) => line.startsWith(`${series} `))
    ?.split(' ')
    .at(-1)

test('the histogram is cumulative, over fifteen buckets from 1 ms to 16.384 s', () => {
  const metrics = new ProxyMetrics()
  metrics.end(3, 'synced', 1000)
  metrics.end(5001, 'failed', 7000)
  const bucket = (le: string) =>
    sample(metrics, `kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family="IPv4",le="${le}"}`)
  expect(['0.001', '0.002', '0.004', '4.096', '8.192', '16.384', '+Inf'].map(bucket)).toEqual([
    ...['0', '0', '1', '1', '2', '2', '2'],
  ])
  expect(metrics.text().match(/_bucket\{/g)).toHaveLength(16)
  const sum = sample(metrics, 'kubeproxy_sync_proxy_rules_duration_seconds_sum{ip_family="IPv4"}')
  expect(Number(sum)).toBeCloseTo(5.004)
})

test('a failed sync does not move the time of the last one', () => {
  const metrics = new ProxyMetrics()
  metrics.end(3, 'synced', 1500)
  metrics.end(3, 'failed', 9000)
  expect(sample(metrics, 'kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family="IPv4"}')).toBe('1.5')
  expect(sample(metrics, 'kubeproxy_sync_proxy_rules_iptables_restore_failures_total{ip_family="IPv4"}')).toBe('1')
})

test('changes are pending until a sync begins, and counted for good', () => {
  const metrics = new ProxyMetrics()
  const endpoint = (name: string) =>
    sample(metrics, `kubeproxy_sync_proxy_rules_endpoint_changes_${name}{ip_family="IPv4"}`)
  metrics.begin()
  metrics.changed('endpoint', 1)
  metrics.changed('endpoint', 2)
  expect([endpoint('pending'), endpoint('total')]).toEqual(['2', '2'])
  metrics.begin()
  expect([endpoint('pending'), endpoint('total')]).toEqual(['0', '2'])
})
