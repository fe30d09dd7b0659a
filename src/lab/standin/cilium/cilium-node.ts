import { type ApiClient, ApiError, type ApiObject } from '../context.ts'
import { ciliumNodes, nodes } from './kube-paths.ts'

export interface CiliumNodeView {
  name: string
  podCidr: string | undefined
  internalIp: string | undefined
  routerIp: string | undefined
}

export function viewOf(node: ApiObject): CiliumNodeView {
  const addresses: { ip: string; type: string }[] = node.spec?.addresses ?? []
  return {
    name: node.metadata.name,
    podCidr: node.spec?.ipam?.podCIDRs?.[0],
    internalIp: addresses.find(({ type }) => type === 'InternalIP')?.ip,
    routerIp: addresses.find(({ type }) => type === 'CiliumInternalIP')?.ip,
  }
}

/** Creates this node's CiliumNode, or finds the one it has; the operator adds the range. */
export async function ensureCiliumNode(api: ApiClient, nodeName: string, nodeIp: string): Promise<void> {
  const node = await api.get(`${nodes}/${nodeName}`)
  try {
    await api.create(ciliumNodes, {
      apiVersion: 'cilium.io/v2',
      kind: 'CiliumNode',
      metadata: {
        name: nodeName,
        labels: node.metadata.labels ?? {},
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid: node.metadata.uid ?? '' }],
      },
      spec: {
        addresses: [{ ip: nodeIp, type: 'InternalIP' }],
        encryption: {},
        eni: {},
        health: {},
        ingress: {},
        ipam: {},
      },
      status: { ipam: { 'operator-status': {} } },
    })
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 409)) throw error
    const labels = node.metadata.labels ?? {}
    await api.patch(`${ciliumNodes}/${nodeName}`, { metadata: { labels } })
  }
}

export async function publishAddresses(
  api: ApiClient,
  nodeName: string,
  addresses: { nodeIp: string; router: string; health: string | null },
): Promise<void> {
  await api.patch(`${ciliumNodes}/${nodeName}`, {
    spec: {
      addresses: [
        { ip: addresses.nodeIp, type: 'InternalIP' },
        { ip: addresses.router, type: 'CiliumInternalIP' },
      ],
      health: addresses.health === null ? {} : { ipv4: addresses.health },
    },
  })
}
