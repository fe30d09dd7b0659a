import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { describePod, stuckNamespaces, stuckPods } from '../stuck.ts'
import { about, orFine } from './finding.ts'

/** What hangs now: steps may have been skipped, and what was left alone still does. */
export function stillStuck(facts: Facts): Finding[] {
  const title = 'nothing hangs any more'
  const fix = 'migrate plan --runbook stuck-pods shows what holds it'
  const pods = stuckPods(facts).map(({ pod, why }) => about(title).warns(describePod(facts, pod, why), fix))
  const namespaces = stuckNamespaces(facts).map(({ name, remaining }) =>
    about(title).warns(`namespace ${name} is still Terminating, with ${remaining.length} objects in it`, fix),
  )
  return orFine([...pods, ...namespaces], title, 'yes')
}
