import type { Recogniser } from './recogniser.ts'
import { chainsOf, tablesOf } from './ruleset.ts'

/** Cilium's chains; `OLD_` ones exist while the agent replaces them (cilium.md §8.1, fixtures/cilium-1.13.9). */
const chainName = /^(OLD_)?CILIUM_(INPUT|OUTPUT|FORWARD|(OUTPUT|PRE)_raw|(OUTPUT|PRE|POST)_nat|(PRE|POST)_mangle)$/

/** What an uninstalled Cilium leaves in all tables: its chains, and with them the feeder rules that jump there. */
export const cilium: Recogniser = (ruleset) =>
  tablesOf(ruleset).map((table) => ({
    table: table.name,
    chains: chainsOf(table)
      .map((chain) => chain.name)
      .filter((name) => chainName.test(name)),
    rules: [],
  }))
