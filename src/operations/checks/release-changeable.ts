import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import type { CiliumSettings } from '../../inventory/schema.ts'
import { about } from './finding.ts'
import { installerReady } from './installer-ready.ts'

/** The values of Cilium's release can be changed by what installed it, and nothing else of it is changed with them. */
export function releaseChangeable(facts: Facts, { install, chart: source, version }: CiliumSettings): Finding[] {
  const here = about("Cilium's release can be changed")
  const { chart } = facts.kube.cilium
  if (!chart)
    return [
      here.blocks(
        'there is neither a HelmChart object nor a release of helm named kube-system/cilium',
        'change it by what installed it, all agents at once',
      ),
    ]
  // helm is given the chart each time; K3s' controller has it in the object.
  const isOther = install === 'helm' && 'path' in source && chart.version !== version
  return [
    isOther
      ? here.blocks(
          `it has version ${chart.version}, the inventory's chart ${version}: with the values the version would change`,
          'set cilium.version and cilium.chart in the inventory to what is installed',
        )
      : here.fine(`version ${chart.version ?? 'not known'}, by ${chart.by}`),
    ...installerReady(facts, install),
  ]
}
