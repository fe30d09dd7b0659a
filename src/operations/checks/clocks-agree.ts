import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { about } from './finding.ts'

const maxSpreadMs = 2_000

/** Leases and certificates go by the clock. */
export function clocksAgree(facts: Facts): Finding[] {
  const offsets = Object.values(facts.nodes).map((node) => node.host.clockOffsetMs)
  const spreadMs = Math.max(...offsets) - Math.min(...offsets)
  const here = about('the nodes agree on the time')
  const said = `${Math.round(spreadMs)} ms between the first and the last`
  return [
    spreadMs > maxSpreadMs
      ? here.blocks(said, 'let them synchronise (chrony, systemd-timesyncd): leases and certificates depend on it')
      : here.fine(said),
  ]
}
