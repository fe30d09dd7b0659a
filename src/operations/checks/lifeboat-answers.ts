import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import type { Inventory } from '../../inventory/schema.ts'
import { about } from './finding.ts'

/** The one server that everything begins from. */
export function lifeboatAnswers({ silent = {} }: Facts, { lifeboat }: Pick<Inventory, 'lifeboat'>): Finding[] {
  const here = about('the lifeboat answers', lifeboat)
  const why = silent[lifeboat]
  return why === undefined
    ? [here.fine('what is done before the others are back is done from there')]
    : [here.blocks(why, 'name a server that answers as lifeboat in the inventory, then plan again')]
}
