import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { guardMs } from '../under-guard.ts'
import { about } from './finding.ts'

const title = 'every node answers'
const byItself = `a guard of a run of ours brings it back by itself within ${guardMs / 60_000} min of its arming, else its power switch does: switch it off and on`

/** Before anything is done: nobody is waited for, and what follows of it is said. */
export function silenceBorne({ silent = {}, kube }: Facts): Finding[] {
  const nodes = Object.entries(silent).map(([name, why]) =>
    about(title, name).warns(
      `it is silent (${why}). Nothing is known of it: every step that says "${name}?" looks at it once it answers, and does there what it needs`,
      byItself,
    ),
  )
  const api = about('the API answers')
  return [
    ...(nodes.length > 0 ? nodes : [about(title).fine('yes')]),
    kube.reachable
      ? api.fine('yes')
      : api.warns(
          `${kube.error ?? 'no reason given'}. It is waited for`,
          'more than half of the servers make it answer',
        ),
  ]
}

/** What is waited for before anything of a node is changed. */
export function nodesAnswer({ silent = {} }: Facts): Finding[] {
  const missing = Object.entries(silent).map(([name, why]) =>
    about(title, name).blocks(`${why}; ${byItself}`, 'switch it off and on, and look at its console'),
  )
  return missing.length > 0 ? missing : [about(title).fine('yes')]
}
