import type { KubeObject } from '../../kube/api.ts'
import { hasAgent } from '../cluster/cilium.ts'
import { type ClusterState, hexId, type NodeState, type PodState, podKey } from '../cluster/state.ts'

const iso = (ms: number) => new Date(ms).toISOString()
const condition = (type: string, isTrue: boolean, message = '') => ({
  type,
  status: isTrue ? 'True' : 'False',
  message,
})

function nodeObject(state: ClusterState, node: NodeState): KubeObject {
  // Nobody has heard of it for a while: the node controller says so.
  const isKnown = state.nowMs - node.heartbeatMs < 40_000
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: node.name,
      uid: `uid-of-${node.name}`,
      labels: node.labels,
      annotations: node.runs ? { 'k3s.io/node-args': JSON.stringify(node.runs.args) } : {},
    },
    spec: { podCIDR: `10.42.${node.index}.0/24`, ...(node.unschedulable ? { unschedulable: true } : {}) },
    status: {
      conditions: [
        condition('Ready', node.nodeReady && isKnown, node.nodeReady ? '' : 'cni plugin not initialized'),
        ...(node.role === 'server' ? [condition('EtcdIsVoter', true)] : []),
      ],
      addresses: [{ type: 'InternalIP', address: node.address }],
      nodeInfo: { kubeletVersion: 'v1.31.4+k3s1' },
    },
  }
}

function podObject(pod: PodState): KubeObject {
  const { ip, ready } = pod.status
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: pod.name,
      namespace: pod.namespace,
      uid: `uid-of-${podKey(pod)}`,
      labels: pod.labels,
      ...(pod.annotations ? { annotations: pod.annotations } : {}),
      ownerReferences: [{ kind: pod.owner.split('/')[0], name: pod.owner.split('/')[1] }],
    } as KubeObject['metadata'],
    spec: {
      nodeName: pod.node,
      hostNetwork: pod.hostNetwork,
      containers: [{ ports: pod.ports }],
    },
    status: {
      phase: 'Running',
      ...(ip === null ? {} : { podIP: ip }),
      conditions: [condition('Ready', ready)],
      containerStatuses: [{ name: 'main', restartCount: 0, state: { running: {} } }],
    },
  }
}

function leaseObject(namespace: string, name: string, holder: string, renewedMs: number): KubeObject {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace },
    spec: { holderIdentity: holder, renewTime: iso(renewedMs) },
  }
}

function leases(state: ClusterState): KubeObject[] {
  const { control, cilium } = state
  return [
    ...['kube-controller-manager', 'kube-scheduler'].map((name) =>
      leaseObject('kube-system', name, 'somebody', control.renewedMs),
    ),
    ...Object.values(state.nodes).map((node) => leaseObject('kube-node-lease', node.name, node.name, node.heartbeatMs)),
    ...(cilium.operatorReady > 0
      ? [leaseObject('kube-system', 'cilium-operator-resource-lock', 'operator', state.nowMs)]
      : []),
  ]
}

function agentPods(state: ClusterState): KubeObject[] {
  return Object.entries(state.cilium.agents).map(([node, { serial, stage, ready }]) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `cilium-${serial}-${node}`,
      namespace: 'kube-system',
      uid: `uid-of-cilium-${serial}-${node}`,
      labels: { 'k8s-app': 'cilium', 'app.kubernetes.io/part-of': 'cilium' },
      annotations: { 'cni-migrate.io/stage': stage },
    },
    spec: { nodeName: node, hostNetwork: true, containers: [{ ports: [] }] },
    status: { phase: 'Running', podIP: state.nodes[node]?.address, conditions: [condition('Ready', ready)] },
  }))
}

function daemonSets(state: ClusterState): KubeObject[] {
  const { release, withoutAgents, generation, observed, agents } = state.cilium
  if (release === null || withoutAgents) return []
  const { settings } = release
  const all = Object.values(agents)
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'cilium', namespace: 'kube-system', generation } as KubeObject['metadata'],
      spec: { updateStrategy: { type: settings.strategy } },
      status: {
        desiredNumberScheduled: Object.values(state.nodes).filter((node) => hasAgent(state, node)).length,
        numberReady: all.filter(({ ready }) => ready).length,
        updatedNumberScheduled: all.filter(({ template }) => template === settings.template).length,
        observedGeneration: observed,
      },
    },
  ]
}

const deployments = ({ cilium }: ClusterState): KubeObject[] =>
  cilium.release === null || cilium.withoutAgents
    ? []
    : [
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: { name: 'cilium-operator', namespace: 'kube-system' },
          status: { readyReplicas: cilium.operatorReady },
        },
      ]

const definitions = ({ cilium }: ClusterState): KubeObject[] =>
  cilium.kinds.map((kind) => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind}.cilium.io` },
  }))

const ciliumNodes = ({ cilium }: ClusterState): KubeObject[] =>
  Object.entries(cilium.kinds.length > 0 && cilium.operatorReady > 0 ? cilium.ranges : {}).map(([name, range]) => ({
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumNode',
    metadata: { name },
    spec: { ipam: { podCIDRs: [range] } },
  }))

const ciliumEndpoints = ({ cilium }: ClusterState): KubeObject[] =>
  Object.entries(cilium.kinds.length > 0 ? cilium.endpoints : {}).map(([key, ip]) => ({
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumEndpoint',
    metadata: { namespace: key.split('/')[0] ?? '', name: key.split('/')[1] ?? '', uid: hexId(1) },
    status: { state: 'ready', networking: { addressing: [{ ipv4: ip }] } },
  }))

/** What the API has of a kind, made of the state where the state has a form of its own for it. */
export function objectsOf(state: ClusterState, kind: string): KubeObject[] {
  const stored = Object.values(state.objects).filter((object) => object.kind === kind)
  switch (kind) {
    case 'Node':
      return Object.values(state.nodes).map((node) => nodeObject(state, node))
    case 'Pod':
      return [...state.pods.map(podObject), ...agentPods(state), ...stored]
    case 'Lease':
      return [...stored, ...leases(state)]
    case 'DaemonSet':
      return daemonSets(state)
    case 'Deployment':
      return deployments(state)
    case 'CustomResourceDefinition':
      return definitions(state)
    case 'CiliumNode':
      return ciliumNodes(state)
    case 'CiliumEndpoint':
      return ciliumEndpoints(state)
    default:
      return stored
  }
}
