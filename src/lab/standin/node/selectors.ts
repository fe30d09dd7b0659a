/** A label selector of the Kubernetes API; an empty one selects everything. */
export interface LabelSelector {
  matchLabels?: Record<string, string>
  matchExpressions?: { key: string; operator: string; values?: string[] }[]
}

export function selects(selector: LabelSelector, labels: Record<string, string> = {}): boolean {
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) if (labels[key] !== value) return false
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    const value = labels[key]
    const holds =
      operator === 'Exists'
        ? value !== undefined
        : operator === 'DoesNotExist'
          ? value === undefined
          : operator === 'In'
            ? value !== undefined && values.includes(value)
            : operator === 'NotIn' && (value === undefined || !values.includes(value))
    if (!holds) return false
  }
  return true
}
