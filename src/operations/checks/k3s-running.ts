import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { isStopped } from '../k3s-unit.ts'

/** K3s runs on every node: a run that was given up half-way may have left it stopped on some. */
export function k3sRunning(facts: Facts): Finding[] {
  const title = 'K3s runs on every node'
  const stopped = Object.values(facts.nodes).filter(({ unit }) => isStopped(unit))
  if (stopped.length === 0) return [{ level: 'fine', title, detail: 'yes' }]
  return stopped.map(({ name, unit }) => ({
    level: 'blocks',
    title,
    target: name,
    detail: `${unit.name} is ${unit.activeState}`,
    fix: `start it on ${name}: systemctl start --no-block ${unit.name}`,
  }))
}
