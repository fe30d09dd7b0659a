import type { Evidence, Series } from '../../src/probes/evidence.ts'
import type { SeriesAttempt } from '../../src/probes/statistics/bursts.ts'
import { someFacts } from '../operations/some-facts.ts'

/** Half a second apart, from 0: `.` connects at once, `x` is refused, `t` times out, `l` connects late, `n` was not made. */
export const attemptsOf = (text: string): SeriesAttempt[] =>
  [...text].map((one, at): SeriesAttempt => {
    const atMs = at * 500
    if (one === 'x') return [atMs, 2, 'refused', null]
    if (one === 't') return [atMs, 1000, 'timeout', null]
    if (one === 'l') return [atMs, 5004, 'ok', null]
    return one === 'n' ? [atMs, 0, 'no-netns', null] : [atMs, 1, 'ok', null]
  })

export function someSeries(id: string, text: string, allowed: boolean | null = true): Series {
  const [from = '', to = ''] = id.split('>')
  return {
    id,
    from,
    fromNode: 's1',
    to,
    toNode: 's2',
    address: '10.42.1.5',
    port: 8080,
    kind: 'tcp',
    sort: 'cross-node',
    fromSelected: false,
    toSelected: allowed === false,
    allowed,
    attempts: attemptsOf(text),
  }
}

/** A minute of a cluster, or as long as its first series. */
export function someEvidence(series: readonly Series[], rest: Partial<Evidence> = {}): Evidence {
  return {
    format: 1,
    cluster: 'lab',
    clusterId: 'c0ffee',
    fromMs: 0,
    untilMs: (series[0]?.attempts.length ?? 120) * 500,
    facts: someFacts(),
    series: [...series],
    rejects: [],
    churn: [],
    signals: {},
    podNetworks: [],
    notMeasured: [],
    ...rest,
  }
}
