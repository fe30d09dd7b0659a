import type { ContainerState, SandboxState } from '../runtime/state.ts'
import type { ContainerDefinition, Pod } from './pod.ts'

/** Why a container is not running, where that is not to be seen from the runtime. */
export interface Waiting {
  reason: string
  message?: string
}

export interface StatusInput {
  pod: Pod
  nodeIp: string
  sandbox: SandboxState | null
  /** By container name. */
  ready: ReadonlyMap<string, boolean>
  waiting: ReadonlyMap<string, Waiting>
  restarts: ReadonlyMap<string, number>
  now: Date
}

interface Condition {
  type: string
  status: string
  reason?: string
  lastTransitionTime: string
  lastProbeTime: null
}

/** A pod's status from what its containers do. Times of conditions that did not change are kept. */
export function podStatus(input: StatusInput): Record<string, unknown> {
  const { pod, nodeIp, sandbox } = input
  const old = pod.object.status ?? {}
  const state = (container: ContainerDefinition): ContainerState | undefined =>
    sandbox?.containers.find((one) => one.name === container.name)
  const inits = pod.initContainers.map((container) => containerStatus(input, container, state(container), true))
  const apps = pod.containers.map((container) => containerStatus(input, container, state(container), false))
  const initialized = inits.every((one) => one.ready)
  const allReady = apps.every((one) => one.ready)
  const phase = phaseOf(pod, inits, apps)
  const ended = phase === 'Succeeded' || phase === 'Failed'
  const podIp = pod.hostNetwork ? nodeIp : (sandbox?.ip ?? null)
  const now = input.now.toISOString().replace(/\.\d+Z$/, 'Z')
  const notReady = ended ? { reason: 'PodCompleted' } : { reason: 'ContainersNotReady' }
  const before = (old.conditions ?? []) as Condition[]
  const condition = (type: string, holds: boolean, reason: { reason?: string }): Condition => {
    const status = holds ? 'True' : 'False'
    const previous = before.find((one) => one.type === type)
    const since = previous?.status === status ? previous.lastTransitionTime : now
    return { type, status, ...(holds ? {} : reason), lastProbeTime: null, lastTransitionTime: since }
  }
  return {
    phase,
    hostIP: nodeIp,
    hostIPs: [{ ip: nodeIp }],
    podIP: podIp,
    podIPs: podIp === null ? null : [{ ip: podIp }],
    startTime: old.startTime ?? now,
    qosClass: 'BestEffort',
    conditions: [
      condition('PodReadyToStartContainers', sandbox !== null, {}),
      condition('Initialized', initialized || ended, { reason: 'ContainersNotInitialized' }),
      condition('Ready', initialized && allReady && !ended, notReady),
      condition('ContainersReady', initialized && allReady && !ended, notReady),
      condition('PodScheduled', true, {}),
    ],
    ...(inits.length > 0 ? { initContainerStatuses: inits } : {}),
    containerStatuses: apps,
  }
}

interface ContainerStatus {
  name: string
  ready: boolean
  started: boolean
  restartCount: number
  image: string
  imageID: string
  containerID?: string
  state: { running?: object; waiting?: Waiting; terminated?: { exitCode: number } }
  lastState: object
}

function containerStatus(
  input: StatusInput,
  container: ContainerDefinition,
  state: ContainerState | undefined,
  isInit: boolean,
): ContainerStatus {
  const waiting = input.waiting.get(container.name)
  const base = {
    name: container.name,
    restartCount: input.restarts.get(container.name) ?? 0,
    image: container.image,
    imageID: state === undefined ? '' : container.image,
  }
  const initializing = !isInit && input.pod.initContainers.length > 0
  if (state === undefined) {
    const reason = waiting ?? { reason: initializing ? 'PodInitializing' : 'ContainerCreating' }
    return { ...base, ready: false, started: false, state: { waiting: reason }, lastState: {} }
  }
  const containerID = `containerd://${state.id}`
  const startedAt = time(state.startedAtMs)
  if (state.finishedAtMs === null) {
    const ready = !isInit && (input.ready.get(container.name) ?? true)
    return { ...base, containerID, ready, started: true, state: { running: { startedAt } }, lastState: {} }
  }
  const terminated = {
    exitCode: state.exitCode ?? 137,
    reason: state.exitCode === 0 ? 'Completed' : 'Error',
    startedAt,
    finishedAt: time(state.finishedAtMs),
    containerID,
  }
  if (waiting !== undefined) {
    return { ...base, containerID, ready: false, started: false, state: { waiting }, lastState: { terminated } }
  }
  return {
    ...base,
    containerID,
    ready: isInit && state.exitCode === 0,
    started: false,
    state: { terminated },
    lastState: {},
  }
}

function phaseOf(pod: Pod, inits: readonly ContainerStatus[], apps: readonly ContainerStatus[]): string {
  const exit = (one: ContainerStatus): number | undefined => one.state.terminated?.exitCode
  if (inits.some((one) => (exit(one) ?? 0) !== 0) && pod.restartPolicy === 'Never') return 'Failed'
  if (!inits.every((one) => one.ready)) return 'Pending'
  if (pod.restartPolicy !== 'Always' && apps.every((one) => exit(one) !== undefined)) {
    if (apps.every((one) => exit(one) === 0)) return 'Succeeded'
    if (pod.restartPolicy === 'Never') return 'Failed'
  }
  const begun = apps.every((one) => one.containerID !== undefined)
  return begun ? 'Running' : 'Pending'
}

function time(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
}
