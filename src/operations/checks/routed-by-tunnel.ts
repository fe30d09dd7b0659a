import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { about } from './finding.ts'

/** Cilium that is there routes by its tunnel. @param why what goes wrong otherwise */
export function routedByTunnel(facts: Facts, why: string): Finding[] {
  const here = about('Cilium routes by its tunnel')
  const mode = facts.kube.cilium.config?.['routing-mode']
  if (mode !== 'native') return [here.fine(mode ?? 'it is not there')]
  return [
    here.blocks(`its nodes route natively: ${why}`, 'first: migrate run --runbook routing-mode-change --to tunnel'),
  ]
}
