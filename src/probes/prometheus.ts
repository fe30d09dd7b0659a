/** One line of Prometheus' text format: a series and its value. */
export interface Metric {
  name: string
  labels: Record<string, string>
  value: number
}

const line = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?$/
const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)",?\s*/g

/** Comments and what is none of its lines are left out. Values: also `+Inf` and `NaN`. */
export function parseMetrics(text: string): Metric[] {
  return text.split('\n').flatMap((each) => {
    const [, name, labels = '', value] = line.exec(each.trim()) ?? []
    if (name === undefined || value === undefined) return []
    const pairs = [...labels.matchAll(label)].map(([, key = '', quoted = '']) => [key, unescaped(quoted)] as const)
    return [{ name, labels: Object.fromEntries(pairs), value: numberOf(value) }]
  })
}

const unescaped = (text: string): string =>
  text.replace(/\\(.)/g, (_, character) => (character === 'n' ? '\n' : character))
const numberOf = (text: string): number =>
  text === '+Inf' ? Number.POSITIVE_INFINITY : text === '-Inf' ? Number.NEGATIVE_INFINITY : Number(text)

/** Sum of all series of a name, whatever their labels; null: there is none. */
export function sumOf(metrics: readonly Metric[], name: string): number | null {
  const values = metrics.filter((metric) => metric.name === name).map((metric) => metric.value)
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0)
}

/** Cumulative counts by upper bound, over all series of a histogram. */
export function bucketsOf(metrics: readonly Metric[], histogram: string): Map<number, number> {
  const buckets = new Map<number, number>()
  for (const { name, labels, value } of metrics) {
    const bound = numberOf(labels.le ?? 'none')
    if (name === `${histogram}_bucket` && !Number.isNaN(bound)) buckets.set(bound, (buckets.get(bound) ?? 0) + value)
  }
  return buckets
}

/** What was observed between two readings; the second alone when the program was restarted and counts from zero. */
export function between(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): Map<number, number> {
  const restarted = [...after].some(([bound, count]) => count < (before.get(bound) ?? 0))
  return new Map([...after].map(([bound, count]) => [bound, restarted ? count : count - (before.get(bound) ?? 0)]))
}

/**
 * A quantile as Prometheus' histogram_quantile has it: linear within its bucket, the greatest finite bound for what lies
 * beyond. null: nothing was observed.
 */
export function quantile(share: number, buckets: ReadonlyMap<number, number>): number | null {
  const sorted = [...buckets].toSorted(([a], [b]) => a - b)
  const total = sorted.at(-1)?.[1] ?? 0
  if (!(total > 0)) return null
  const rank = share * total
  const index = sorted.findIndex(([, count]) => count >= rank)
  const [bound = 0, count = 0] = sorted[index] ?? []
  const [lower = 0, below = 0] = sorted[index - 1] ?? []
  if (bound === Number.POSITIVE_INFINITY) return lower
  return lower + (bound - lower) * ((rank - below) / (count - below))
}
