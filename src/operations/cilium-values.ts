import { stringify } from 'yaml'
import { InputError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import type { Inventory } from '../inventory/schema.ts'
import { admission } from './labels.ts'

/**
 * beside: runs next to flannel and carries nothing. node-by-node: so, in the directories that K3s uses with flannel, where a node
 * that is given to it gets its CNI configuration. carrying: writes that of every node to where containerd looks without flannel,
 * policies not enforced yet. auditing: what they forbid is logged and let through. enforcing: as it stays.
 */
export type CiliumStage = 'beside' | 'node-by-node' | 'carrying' | 'auditing' | 'enforcing'

/** While nodes move one by one. open: nobody enforces policies. closed: each side does, on the pods that it carries. */
export type PoliciesMeanwhile = 'open' | 'closed'

/** Put on the agents, so that a change of stage rolls them: chart values alone restart nothing (cilium.md §4.1, rollOutCiliumPods). */
export const stageAnnotation = 'cni-migrate.io/stage'

type Values = { [key: string]: unknown }

function merge(base: Values, over: Values): Values {
  const result: Values = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const before = result[key]
    const both = [before, value].every((v) => typeof v === 'object' && v !== null && !Array.isArray(v))
    result[key] = both ? merge(before as Values, value as Values) : value
  }
  return result
}

/** The uplinks' MTU and names, never flannel.1's: Cilium would take its 1450 and keep it (measured.md, second part 9). */
export function uplinks(facts: Facts): { mtu: number; devices: string[] } {
  const found = Object.values(facts.nodes).map((node) => {
    if (!node.host.uplink)
      throw new InputError(`${node.name}: could not tell which interface holds ${node.address}`, {
        host: node.name,
        next: 'set cilium.devices and cilium.mtu in the inventory',
      })
    return node.host.uplink
  })
  return {
    mtu: Math.min(...found.map((uplink) => uplink.mtu)),
    devices: [...new Set(found.map((uplink) => uplink.name))].sort(),
  }
}

/** hostPorts and ServiceLB need the portmap plugin behind Cilium's while kube-proxy stays (cilium.md §7.8). */
export const needsPortmap = (facts: Facts, inventory: Inventory): boolean =>
  !inventory.cilium.kubeProxyReplacement &&
  facts.kube.pods.some(
    (pod) => pod.hostPorts.length > 0 || pod.containerPorts?.some(({ hostPort }) => hostPort !== null),
  )

/** Where K3s' containerd looks with flannel, which pre-flight found to be the same on every node. */
function k3sCniDirs({ nodes }: Facts): { confPath?: string; binPath?: string } {
  const [first] = Object.values(nodes)
  return first ? { confPath: first.k3s.cni.confDir, binPath: first.k3s.cni.binDir } : {}
}

/** Chart values for a stage. The inventory's own `values` are merged last. Sources: cilium.md §1.2, §2.3, §2.6, §4. */
export function ciliumValues(
  inventory: Inventory,
  facts: Facts,
  stage: CiliumStage,
  policies: PoliciesMeanwhile = 'open',
): Values {
  const detected = uplinks(facts)
  const writesConf = stage === 'carrying' || stage === 'auditing' || stage === 'enforcing'
  const judges = stage === 'auditing' || stage === 'enforcing'
  const { cilium } = inventory
  return merge(
    {
      // K3s serves the API there on servers and agents alike (cilium.md §2.3).
      k8sServiceHost: '127.0.0.1',
      k8sServicePort: 6444,
      kubeProxyReplacement: cilium.kubeProxyReplacement,
      routingMode: 'tunnel',
      tunnelProtocol: 'vxlan',
      tunnelPort: cilium.tunnelPort,
      ipam: {
        mode: 'cluster-pool',
        operator: { clusterPoolIPv4PodCIDRList: [cilium.podCidr], clusterPoolIPv4MaskSize: 24 },
      },
      cni: {
        customConf: !writesConf,
        exclusive: writesConf,
        uninstall: false,
        ...(stage === 'node-by-node' ? k3sCniDirs(facts) : {}),
        ...(needsPortmap(facts, inventory) ? { chainingMode: 'portmap' } : {}),
      },
      policyEnforcementMode: judges || policies === 'closed' ? 'default' : 'never',
      ...(stage === 'auditing' ? { policyAuditMode: true } : {}),
      bpf: { hostLegacyRouting: true },
      devices: cilium.devices ?? detected.devices,
      MTU: cilium.mtu ?? detected.mtu,
      operator: {
        // The chart's two replicas refuse to share a node (cilium.md §2.5).
        replicas: Math.min(2, inventory.nodes.length),
        unmanagedPodWatcher: { restart: stage === 'enforcing' },
        tolerations: [{ operator: 'Exists' }],
      },
      envoy: { enabled: false },
      hubble: { enabled: cilium.hubble },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
      podAnnotations: { [stageAnnotation]: stage },
      // Until it is healthy everywhere: one crash takes one node along then, and never the lifeboat.
      ...(stage === 'enforcing' ? {} : { nodeSelector: admission }),
    },
    cilium.values,
  )
}

/** The values as the HelmChart object holds them. */
export const valuesText = (values: Values): string => stringify(values, { lineWidth: 0 })
