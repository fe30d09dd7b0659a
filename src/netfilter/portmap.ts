import type { Recogniser } from './recogniser.ts'
import { chainsOf, commentOf, type Rule, type Ruleset, rulesOf, type Table, tablesOf, targetOf } from './ruleset.ts'

const ownName = /^CNI-DN-[0-9a-f]{21}$/
const entry = /^dnat name: "([^"]*)" id: "([0-9a-f]+)"$/
const shared = ['CNI-HOSTPORT-DNAT', 'CNI-HOSTPORT-SETMARK', 'CNI-HOSTPORT-MASQ']
/** What portmap itself puts into the two that are not filled by container. */
const sharedRules = [
  'CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE',
  'CNI-HOSTPORT-SETMARK -m comment --comment CNI portfwd masquerade mark -j MARK --set-xmark 0x2000/0x2000',
]

const isPortmaps = (rule: Rule) => sharedRules.includes([rule.chain, ...rule.words].join(' '))

const entriesOf = (table: Table) =>
  rulesOf(table).filter((rule) => rule.chain === 'CNI-HOSTPORT-DNAT' && ownName.test(targetOf(rule) ?? ''))

const containerOf = (rule: Rule): { network?: string; id?: string } => {
  const [, network, id] = entry.exec(commentOf(rule) ?? '') ?? []
  return network === undefined || id === undefined ? {} : { network, id }
}

/** Ids of the containers that have host ports. */
export const hostPortContainers = (ruleset: Ruleset): string[] =>
  tablesOf(ruleset).flatMap((table) => entriesOf(table).flatMap((rule) => containerOf(rule).id ?? []))

function staleOf(table: Table, isGone: (container: string) => boolean, networks: readonly string[]) {
  const entries = entriesOf(table)
  const stale = entries.filter((rule) => {
    const { network, id } = containerOf(rule)
    return network !== undefined && networks.includes(network) && id !== undefined && isGone(id)
  })
  const kept = new Set(entries.filter((rule) => !stale.includes(rule)).map(targetOf))
  const gone = [...new Set(stale.map((rule) => targetOf(rule) ?? ''))].filter((chain) => !kept.has(chain))
  // The shared chains go with the last entry, unless somebody else has put something into them.
  const foreign = rulesOf(table).some(
    (rule) => shared.includes(rule.chain) && !stale.includes(rule) && !isPortmaps(rule),
  )
  return { stale, chains: [...gone, ...(stale.length > 0 && !foreign ? shared : [])] }
}

/**
 * Host ports of a network whose container is gone: they send the port to nobody, before any live entry
 * (k3s-kube-router.md §3.4, §7). When none are left, portmap's shared chains too.
 * @param isGone of a container's id; null when it is not known which run: then nothing is recognised
 * @param networks names of CNI configurations; `cbr0` is flannel's
 */
export const stalePortmap =
  (isGone: ((container: string) => boolean) | null, networks: readonly string[] = ['cbr0']): Recogniser =>
  (ruleset) => {
    if (isGone === null) return []
    return tablesOf(ruleset)
      .filter((table) => table.name === 'nat')
      .map((table) => {
        const { stale, chains } = staleOf(table, isGone, networks)
        const there = chainsOf(table).map((chain) => chain.name)
        return { table: table.name, chains: chains.filter((chain) => there.includes(chain)), rules: stale }
      })
  }
