import type { KubeFacts } from '../facts/kube.ts'
import type { NodeSignals } from './evidence.ts'

type Pods = KubeFacts['pods']

/** How the pods of the common CNIs call themselves: values of the labels `k8s-app`, `app`, `name` and `app.kubernetes.io/name`. */
const cnis = new Set([
  ...['cilium', 'cilium-agent', 'calico-node', 'canal', 'flannel', 'kube-flannel', 'weave-net', 'aws-node'],
  ...['antrea', 'antrea-agent', 'kube-router', 'kube-ovn', 'ovs-ovn', 'multus', 'kindnet', 'azure-cns'],
])
const labels = ['k8s-app', 'app', 'name', 'app.kubernetes.io/name']

/** Restarts of the pods of a CNI on a node. K3s' own flannel and kube-router are no pods. */
export const cniRestarts = (pods: Pods, node: string): NodeSignals['cniRestarts'] =>
  pods
    .filter((pod) => pod.node === node && labels.some((label) => cnis.has(pod.labels[label] ?? '')))
    .map(({ namespace, name, restarts, startedMs }) => ({ pod: `${namespace}/${name}`, restarts, startedMs }))

/** Pods that a node has taken and not given a sandbox yet, and since when: by their start time, which the kubelet sets first. */
export const stuckSandboxes = (pods: Pods, node: string, nowMs: number): NodeSignals['stuckSandboxes'] =>
  pods
    .filter((pod) => pod.node === node && pod.phase === 'Pending' && pod.startedMs !== null)
    .filter((pod) => !pod.ip && (pod.waiting === null || /^(ContainerCreating|PodInitializing)\b/.test(pod.waiting)))
    .map(({ namespace, name, startedMs, waiting }) => ({
      pod: `${namespace}/${name}`,
      waitingMs: Math.max(0, nowMs - (startedMs ?? nowMs)),
      reason: waiting ?? 'no sandbox yet',
    }))
