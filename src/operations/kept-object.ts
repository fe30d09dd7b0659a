import type { Target } from '../engine/model.ts'
import { KubeError } from '../kube/errors.ts'
import { type ObjectPlace, objectPath } from '../kube/object-path.ts'
import type { World } from './world.ts'

/** Where in the run's backups an object is kept, as the API had it. */
export const keptName = ({ plural, namespace, name }: ObjectPlace): string =>
  `objects/${plural}/${namespace === null ? '' : `${namespace}/`}${name}.json`

/**
 * Copies an object to the operator before it is touched: what is taken away here, nobody else has. It may hold secrets, so
 * it goes nowhere but into the backups. One that is gone already needs no copy.
 * @throws KubeError when it cannot be read
 */
export async function keepObject(world: World, target: Target, place: ObjectPlace): Promise<void> {
  const { status, body } = await world.kube.raw(objectPath(place))
  if (status === 404) return
  if (status !== 200) throw new KubeError(status, `get ${place.plural} ${place.name}: HTTP ${status}`)
  await world.backups.put(target, keptName(place), Buffer.from(body))
}
