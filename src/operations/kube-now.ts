import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import type { World } from './world.ts'

/**
 * What the API says now.
 * @throws FailedError where it does not answer: its objects are none then, which is not to be taken for its word
 */
export async function kubeNow(world: Pick<World, 'look'>): Promise<Facts['kube']> {
  const { kube } = await world.look(['kube'])
  if (!kube.reachable) throw new FailedError(`the API does not answer: ${kube.error ?? 'no reason given'}`)
  return kube
}
