import type { Finding } from '../engine/model.ts'

/** What is the same on several nodes, once. */
export function alike(findings: readonly Finding[]): { finding: Finding; targets: string[] }[] {
  const groups = Map.groupBy(findings, ({ title, detail, fix }) => JSON.stringify([title, detail, fix]))
  return [...groups.values()].flatMap((group) => {
    const [finding] = group
    return finding ? [{ finding, targets: group.flatMap(({ target }) => (target === undefined ? [] : [target])) }] : []
  })
}
