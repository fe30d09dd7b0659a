import type { Action, View } from './model.ts'

/** Gives each node without one the lowest free /24 of the cluster's range. */
export function nodeIpam(clusterCidr: string): (view: View) => Action[] {
  const [base = '10.42'] = /^\d+\.\d+/.exec(clusterCidr) ?? []
  return (view) => {
    const taken = new Set(view.all('nodes').map((node) => node.spec?.podCIDR))
    return view
      .all('nodes')
      .filter((node) => node.spec?.podCIDR === undefined && node.metadata.deletionTimestamp === undefined)
      .map((node) => {
        let index = 0
        while (taken.has(`${base}.${index}.0/24`)) index++
        const podCIDR = `${base}.${index}.0/24`
        taken.add(podCIDR)
        return {
          do: 'merge',
          collection: 'nodes',
          name: node.metadata.name,
          patch: { spec: { podCIDR, podCIDRs: [podCIDR] } },
        }
      })
  }
}
