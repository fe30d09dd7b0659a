/** Far above what any of our files holds; far below what overflows the stack of whoever walks it. */
export const maxLevels = 100

/** Whether lists and maps are in each other more than `levels` deep; ends for values that hold themselves too. */
export function isNestedDeeper(value: unknown, levels = maxLevels): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((inner) => isNestedDeeper(inner, levels - 1))
}

/**
 * JSON.parse, for files that anybody may have written.
 * @throws SyntaxError, also for what is nested too deeply
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  if (isNestedDeeper(value)) throw new SyntaxError(`it is nested more than ${maxLevels} levels deep`)
  return value
}
