import { createServer } from 'node:http'

/** kube-proxy's buckets: 1 ms, doubled fourteen times (kubernetes pkg/proxy/metrics, ExponentialBuckets(0.001, 2, 15)). */
const bucketsS = Array.from({ length: 15 }, (_, index) => (1000 * 0.001 * 2 ** index) / 1000)

/** Since 1.33 every one carries the address family. */
const family = 'ip_family="IPv4"'

/** Where K3s lets kube-proxy serve its metrics unless told otherwise. */
const address = { host: '127.0.0.1', port: 10_249 }

/** What kube-proxy says of its own syncs, under its own names. */
export class ProxyMetrics {
  private readonly counts = bucketsS.map(() => 0)
  private count = 0
  private sumS = 0
  private restoreFailures = 0
  private lastSyncS = 0
  private lastQueuedS = 0
  private pending = { endpoint: 0, service: 0 }
  private total = { endpoint: 0, service: 0 }

  /** Something that a sync will have to write down. */
  changed(what: 'endpoint' | 'service', nowMs: number): void {
    this.pending[what] += 1
    this.total[what] += 1
    this.lastQueuedS = nowMs / 1000
  }

  /** A sync begins: what has changed until now is its business. */
  begin(): void {
    this.pending = { endpoint: 0, service: 0 }
  }

  /** Failed ones are timed too; only a good one moves the time of the last sync. */
  end(tookMs: number, outcome: 'synced' | 'failed', nowMs: number): void {
    const seconds = tookMs / 1000
    for (const [index, limit] of bucketsS.entries())
      if (seconds <= limit) this.counts[index] = (this.counts[index] ?? 0) + 1
    this.count += 1
    this.sumS += seconds
    if (outcome === 'synced') this.lastSyncS = nowMs / 1000
    else this.restoreFailures += 1
  }

  /** Prometheus' text format, as GET /metrics has it. */
  text(): string {
    const duration = 'kubeproxy_sync_proxy_rules_duration_seconds'
    const single = (name: string, type: 'gauge' | 'counter', help: string, value: number): string[] => [
      `# HELP kubeproxy_${name} [ALPHA] ${help}`,
      `# TYPE kubeproxy_${name} ${type}`,
      `kubeproxy_${name}{${family}} ${value}`,
    ]
    return [
      `# HELP ${duration} [ALPHA] SyncProxyRules latency in seconds`,
      `# TYPE ${duration} histogram`,
      ...bucketsS.map((limit, index) => `${duration}_bucket{${family},le="${limit}"} ${this.counts[index]}`),
      `${duration}_bucket{${family},le="+Inf"} ${this.count}`,
      `${duration}_sum{${family}} ${this.sumS}`,
      `${duration}_count{${family}} ${this.count}`,
      ...single(
        'sync_proxy_rules_endpoint_changes_pending',
        'gauge',
        'Pending proxy rules Endpoint changes',
        this.pending.endpoint,
      ),
      ...single(
        'sync_proxy_rules_endpoint_changes_total',
        'counter',
        'Cumulative proxy rules Endpoint changes',
        this.total.endpoint,
      ),
      ...single(
        'sync_proxy_rules_iptables_restore_failures_total',
        'counter',
        'Cumulative proxy iptables restore failures',
        this.restoreFailures,
      ),
      ...single(
        'sync_proxy_rules_last_queued_timestamp_seconds',
        'gauge',
        'The last time a sync of proxy rules was queued',
        this.lastQueuedS,
      ),
      ...single(
        'sync_proxy_rules_last_timestamp_seconds',
        'gauge',
        'The last time proxy rules were successfully synced',
        this.lastSyncS,
      ),
      ...single(
        'sync_proxy_rules_service_changes_pending',
        'gauge',
        'Pending proxy rules Service changes',
        this.pending.service,
      ),
      ...single(
        'sync_proxy_rules_service_changes_total',
        'counter',
        'Cumulative proxy rules Service changes',
        this.total.service,
      ),
      '',
    ].join('\n')
  }
}

/** Serves /metrics and /proxyMode until the signal aborts. A port that is taken costs the metrics, not the proxy. */
export function serveMetrics(metrics: ProxyMetrics, signal: AbortSignal, onError: (error: Error) => void): void {
  const pages: Record<string, () => string> = { '/metrics': () => metrics.text(), '/proxyMode': () => 'iptables' }
  const server = createServer((request, response) => {
    const page = pages[request.url ?? '']
    response.writeHead(page === undefined ? 404 : 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
    response.end(page === undefined ? '404 page not found\n' : page())
  })
  server.on('error', onError)
  server.listen(address)
  signal.addEventListener('abort', () => server.close(), { once: true })
}
