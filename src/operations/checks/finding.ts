import type { Finding, Target } from '../../engine/model.ts'
import type { Facts, NodeFacts } from '../../facts/facts.ts'
import type { FirewallFacts } from '../../facts/firewall.ts'
import type { KernelFacts } from '../../facts/kernel.ts'
import type { UpkeepFacts } from '../../facts/upkeep.ts'

/** What can be found about one thing, on one node or at large. */
export function about(title: string, target?: Target) {
  const found = (level: Finding['level'], detail: string, rest: Partial<Finding> = {}): Finding => ({
    level,
    title,
    ...(target === undefined ? {} : { target }),
    detail,
    ...rest,
  })
  return {
    fine: (detail: string) => found('fine', detail),
    warns: (detail: string, fix: string) => found('warns', detail, { fix }),
    blocks: (detail: string, fix: string) => found('blocks', detail, { fix }),
    /** It could not be told, and if it is wrong it would block. */
    unknown: (detail: string, fix: string) => found('unknown', detail, { fix }),
    /** It could not be told, and if it is wrong it would only warn. */
    unsure: (detail: string, fix: string) => found('unknown', detail, { fix, atWorst: 'warns' }),
  }
}
export type About = ReturnType<typeof about>

interface Families {
  kernel: KernelFacts
  firewall: FirewallFacts
  upkeep: UpkeepFacts
}

/** Judges each node by a family of its facts; where that family was not read, it says so. */
export function onEachNode<F extends keyof Families>(
  facts: Facts,
  family: F,
  title: string,
  judge: (of: Families[F], here: About, node: NodeFacts) => Finding | readonly Finding[] | null,
): Finding[] {
  return Object.values(facts.nodes).flatMap((node) => {
    const here = about(title, node.name)
    const read = (node as Partial<Families>)[family]
    if (read === undefined)
      return [here.unknown('it was not looked at when these facts were read', 'read the facts anew')]
    return judge(read, here, node) ?? []
  })
}

/** One finding that all is well where nothing else was found. */
export const orFine = (findings: readonly Finding[], title: string, detail: string): Finding[] =>
  findings.length > 0 ? [...findings] : [about(title).fine(detail)]

/** The first few of many, and how many more. */
export const some = (names: readonly string[], shown = 5): string =>
  `${names.slice(0, shown).join(', ')}${names.length > shown ? ` and ${names.length - shown} more` : ''}`
