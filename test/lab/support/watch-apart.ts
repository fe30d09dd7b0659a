import { z } from 'zod'
import type { Lab } from '../../../src/lab/lab.ts'
import type { ClusterState } from './cluster-state.ts'
import { type ClusterObject, objectsOf } from './lab-access.ts'
import { reachMatrix } from './reach.ts'

const podSchema = z.looseObject({
  spec: z.looseObject({ nodeName: z.string() }),
  status: z.looseObject({ podIP: z.string() }),
})

/** Where each pod is: `namespace/name` to node and address. */
function placesOf(objects: readonly ClusterObject[]): Map<string, { node: string; address: string }> {
  return new Map(
    objects.flatMap((object) => {
      const pod = object.kind === 'Pod' ? podSchema.safeParse(object).data : undefined
      const { namespace, name } = object.metadata
      return pod ? [[`${namespace}/${name}`, { node: pod.spec.nodeName, address: pod.status.podIP }] as const] : []
    }),
  )
}

/** `source > pod` of those that did not reach each other, as a line of the state says it. */
const apartIn = (state: ClusterState): string[] =>
  (state.reach ?? []).flatMap((line) => /^([^:]+ > [^:]+): no$/.exec(line)?.[1] ?? [])

/**
 * Tries over and over, while something goes on, whether pods on different nodes that policies keep apart reach each other.
 * A look in which the API does not answer, as while its server restarts, is none; one at whose end a pod has another address
 * says nothing of that pod.
 */
export async function watchApart(lab: Lab, state: ClusterState, goesOn: Promise<unknown>) {
  const pairs = apartIn(state)
  const leaks: string[] = []
  let tried = 0
  let looks = 0
  let isOver = false
  const over = Promise.allSettled([goesOn]).then(() => {
    isOver = true
  })
  while (!isOver) {
    const objects = await objectsOf(lab).catch(() => null)
    if (objects === null) continue
    const reached = new Set(await reachMatrix(lab, objects))
    const [before, after] = [placesOf(objects), placesOf((await objectsOf(lab).catch(() => null)) ?? [])]
    const isSame = (pod: string) =>
      before.get(pod) !== undefined && before.get(pod)?.address === after.get(pod)?.address
    const judged = pairs.filter((pair) => {
      const [from = '', to = ''] = pair.split(' > ')
      return isSame(from) && isSame(to) && before.get(from)?.node !== before.get(to)?.node
    })
    if (judged.length > 0) looks += 1
    tried += judged.length
    leaks.push(...judged.filter((pair) => reached.has(`${pair}: yes`)).map((pair) => `${pair}, look ${looks}`))
  }
  await Promise.all([over, goesOn])
  return { looks, tried, leaks }
}
