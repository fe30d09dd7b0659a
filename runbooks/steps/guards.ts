import type { Json } from '../../src/engine/model.ts'
import { ciliumTables } from '../../src/operations/cilium-absent.ts'
import { isUninstalledByUndo } from '../../src/operations/cilium-installed.ts'
import { type AgentInUndo, guarded } from '../../src/operations/guarded.ts'
import { purgedTables } from '../../src/operations/netfilter-purged.ts'
import type { Change } from './step.ts'

/** Wherever Cilium's agents start: the field report's first try took two of three servers off the network. */
export const guardedAgents = (
  step: Change,
  // Uninstalled, it is not needed; given its former values it is.
  agentInUndo: (change: Json) => AgentInUndo = (change) => (isUninstalledByUndo(change) ? 'taken-away' : 'needed'),
): Change =>
  guarded(step, {
    scope: () => ({ agent: true, tables: [] }),
    does: "ends Cilium's agent and holds it down, takes away what Cilium has brought, puts its own links, addresses, routes and rules back",
    agentInUndo,
  })

/** Where what Cilium left is removed: rules of tables, and links. */
export const guardedLeftovers = (step: Change): Change =>
  guarded(step, {
    scope: (change) => ({ agent: false, tables: ciliumTables(change) }),
    does: 'puts the tables back that rules were removed from, with their sets; and its own links, addresses, routes',
  })

export const guardedRules = (step: Change): Change =>
  guarded(step, {
    scope: (change) => ({ agent: false, tables: purgedTables(change) }),
    does: 'puts the tables back that rules were removed from, with their sets; and its own links, addresses, routes',
  })

export const guardedLinks = (step: Change): Change =>
  guarded(step, {
    scope: () => ({ agent: false, tables: [] }),
    does: 'puts its own links, addresses and routes back',
  })
