import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { about } from './finding.ts'

export function apiAnswers({ kube }: Facts): Finding[] {
  const here = about('the Kubernetes API answers')
  return kube.reachable
    ? [here.fine(kube.version ?? 'yes')]
    : [here.blocks(kube.error ?? 'no reason given', 'look at `journalctl -u k3s` on the servers')]
}
