import { isMap, type Values } from './merge-values.ts'

/** Whether `live` says everything that `wanted` says; what the API server filled in besides does not count. */
function covers(live: unknown, wanted: unknown): boolean {
  if (isMap(wanted)) return isMap(live) && Object.entries(wanted).every(([key, value]) => covers(live[key], value))
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(live) && live.length === wanted.length && wanted.every((value, index) => covers(live[index], value))
    )
  }
  return live === wanted
}

/**
 * The JSON merge patch of an upgrade, as helm makes it from three sides: what the live object says otherwise than the new
 * manifest, and away with what only the old one said. Undefined when there is nothing to do: then nothing is rolled.
 */
export function upgradePatch(live: Values, wanted: Values, old: Values): Values | undefined {
  const patch: Values = {}
  for (const [key, value] of Object.entries(wanted)) {
    const present = live[key]
    const before = old[key]
    if (isMap(value) && isMap(present)) {
      const inner = upgradePatch(present, value, isMap(before) ? before : {})
      if (inner !== undefined) patch[key] = inner
    } else if (!covers(present, value) || (Array.isArray(value) && Array.isArray(before) && !covers(value, before))) {
      patch[key] = value
    }
  }
  for (const key of Object.keys(old)) if (!(key in wanted) && key in live) patch[key] = null
  return Object.keys(patch).length === 0 ? undefined : patch
}
