export type Values = Record<string, unknown>

export const isMap = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** As helm merges values files: maps are merged, everything else is replaced, null removes. */
export function mergeValues(base: Values, over: Values): Values {
  const merged: Values = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const present = merged[key]
    if (value === null) delete merged[key]
    else merged[key] = isMap(present) && isMap(value) ? mergeValues(present, value) : value
  }
  return merged
}
