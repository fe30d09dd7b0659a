import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import type { StuckNamespace } from '../../facts/stuck.ts'
import { describePod, heldByFinalizers, isPod, stuckNamespaces, stuckPods, titleOf, wayOf } from '../stuck.ts'
import { about, orFine } from './finding.ts'
import { shownList } from './shown-list.ts'

const title = 'what hangs can be freed'

/** Why a namespace goes on hanging whatever is done here. */
function leftOf(facts: Facts, { name, remaining, unread, conditions }: StuckNamespace): Finding[] {
  const said = conditions.map(({ type, message }) => `; ${type}: ${message}`).join('')
  const held = new Set(heldByFinalizers(facts).map(({ uid }) => uid))
  const others = remaining.filter((object) => !isPod(object) && !held.has(object.uid))
  const silent = (facts.stuck?.silentApis ?? []).map((api) => `${api.name} (${api.message})`)
  return [
    ...(unread.length === 0
      ? []
      : [
          about(title).warns(
            `namespace ${name}: what remains in it is not known: ${shownList(unread.map(({ what, why }) => `${what}: ${why}`))}${said}`,
            silent.length === 0
              ? 'look at what serves them; the namespace goes once they can be listed'
              : `APIServices without an answer: ${shownList(silent)}. Mend what serves them (often pods on the old network), or delete those that nobody needs: kubectl delete apiservice NAME`,
          ),
        ]),
    ...(others.length === 0
      ? []
      : [
          about(title).warns(
            `namespace ${name}: not touched: ${shownList(
              others.map((object) => {
                const why = object.dueMs === null ? 'not deleted yet' : object.finalizers.join(', ') || 'being deleted'
                return `${titleOf(object)} (${why})`
              }),
            )}${said}`,
            'they go by themselves once what they wait for is over; look at their events',
          ),
        ]),
  ]
}

/** What hangs and no step touches, with why not: it is never left out in silence. */
export function stuckLeftAlone(facts: Facts): Finding[] {
  if (facts.stuck === undefined)
    return [about(title).unknown('it was not looked at when these facts were read', 'read the facts anew')]
  if (facts.stuck.error !== null) return [about(title).blocks(facts.stuck.error, 'look at the API server')]
  const pods = stuckPods(facts).flatMap(({ pod, why }) => {
    const way = wayOf(facts, pod)
    if (way.do !== 'nothing') return []
    return [
      about(title, pod.node ?? undefined).warns(
        `not touched: ${describePod(facts, pod, why)}; ${way.because}`,
        way.fix,
      ),
    ]
  })
  const namespaces = stuckNamespaces(facts).flatMap((namespace) => leftOf(facts, namespace))
  return orFine([...pods, ...namespaces], title, 'yes')
}
