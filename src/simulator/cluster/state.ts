import type { DeleteOptions, KubeObject } from '../../kube/api.ts'
import type { Command, Outcome } from '../../nodes/node.ts'
import type { RandomState } from '../random.ts'

/**
 * A whole cluster as plain data: it is copied with structuredClone, so that one moment can be continued in several ways.
 * The smallest model that is true where the engine's promises live; what it is checked against: test/lab/simulator.test.ts.
 */
export interface ClusterState extends RandomState {
  nowMs: number
  /** How long the world takes for what it does, 1 as measured: what is waited for is looked at, which costs. */
  pace: number
  /** The last number given to a sandbox, a request, an event. */
  lastId: number
  /** What will happen, soonest first. */
  events: WorldEvent[]
  /** Keys of what is on its way (WorldEvent `due`). */
  pending: Record<string, true>
  nodes: Record<string, NodeState>
  /** By node: what the machine itself sets up when it boots; the rest of these is gone after a power-off. */
  boot: Record<string, Pick<NodeState, 'links' | 'routes' | 'rules' | 'tables' | 'ipsets'>>
  pods: PodState[]
  /** What lies in etcd and no part here has a form of its own for, by `kind namespace/name`. */
  objects: Record<string, KubeObject>
  control: {
    /** Controller manager and scheduler hold their leases. */
    led: boolean
    /** When they last renewed them. */
    renewedMs: number
  }
  cilium: CiliumState
}

export type WorldEvent = { atMs: number; id: number } & (
  | { kind: 'due'; key: string }
  | { kind: 'command'; node: string; command: SentCommand; reply: number; fate: CommandFate }
  | { kind: 'request'; request: ApiRequest; reply: number; fate: RequestFate }
  | { kind: 'reply'; reply: number; answer: Answer }
)

export interface SentCommand extends Pick<Command, 'mode' | 'timeoutMs'> {
  argv: readonly string[]
  stdin: string
}

/**
 * What becomes of a command on its way. `fails`: it ends with 1 and has done nothing. `hangs`: it never began, and nobody
 * says so before its time is over. `unanswered`: it is done, its answer is lost. `cut`: so many bytes of its stdin arrived.
 */
export type CommandFate = { kind: 'arrives' | 'fails' | 'hangs' | 'unanswered' } | { kind: 'cut'; bytes: number }
/** The same of an API request. `refused`: a 500, and nothing was done. */
export type RequestFate = 'arrives' | 'refused' | 'late' | 'unanswered'

export type ApiRequest =
  | { verb: 'list'; apiVersion: string; kind: string; namespace?: string; labelSelector?: string }
  | { verb: 'get'; apiVersion: string; kind: string; namespace?: string; name: string }
  | { verb: 'create' | 'replace'; object: KubeObject }
  | { verb: 'patch'; apiVersion: string; kind: string; namespace?: string; name: string; patch: object }
  | { verb: 'delete'; apiVersion: string; kind: string; namespace?: string; name: string; options?: DeleteOptions }
  | { verb: 'finalize'; object: KubeObject }
  | { verb: 'raw'; path: string }

export type Answer =
  | { kind: 'outcome'; outcome: Outcome }
  | { kind: 'unreachable'; reason: string }
  | { kind: 'objects'; objects: KubeObject[] }
  | { kind: 'object'; object: KubeObject | null }
  | { kind: 'raw'; status: number; body: string }
  | { kind: 'kube-error'; status: number; message: string }
  | { kind: 'awake' }

export interface FileState {
  text: string
  mode: number
  /** A folder; its text is empty. */
  dir?: true
  /** Seconds since 1970. */
  modifiedS?: number
}

export interface Link {
  name: string
  kind: '' | 'vxlan' | 'bridge' | 'veth'
  up: boolean
  mtu: number
  master?: string
  vxlanPort?: number
  addresses: string[]
}

export interface Chain {
  name: string
  /** null: not built in. */
  policy: string | null
  /** What follows `-A CHAIN `. */
  rules: string[]
}
export interface Table {
  name: string
  chains: Chain[]
}
export interface IpSetState {
  name: string
  type: string
  entries: string[]
}

/** One state of a K3s unit, as systemd and K3s have it together (measured.md 1, 2). */
export type UnitPhase = 'inactive' | 'failed' | 'starting' | 'active' | 'auto-restart'

export interface UnitState {
  name: 'k3s' | 'k3s-agent'
  phase: UnitPhase
  /** Times it was started. */
  starts: number
  lastResult: 'success' | 'exit-code'
  sinceMs: number
  /** ExecStart's words as systemd has them loaded. */
  words: string[]
}

/** What a running K3s was started with. It stays when K3s stops: nobody takes anything away. */
export interface Runs {
  flannel: boolean
  policies: boolean
  /** As in the annotation k3s.io/node-args. */
  args: string[]
}

export interface Sandbox {
  id: string
  pod: string
  ready: boolean
  createdMs: number
  network: 'host' | 'flannel' | 'cilium'
  ip: string | null
  /** When it stopped being ready, and whether the plugins were told. */
  stoppedMs: number | null
  tornDown: boolean
}

/** A guard of a run on its node (nodes/guard.ts). `gone`: its timer is no more, as after a reboot. */
export interface GuardOfNode {
  state: 'armed' | 'gone' | 'fired'
  firesAtMs: number
  holdsAgent: boolean
  /** As `ip-nft filter`. */
  tables: string[]
  saved: Pick<NodeState, 'links' | 'tables' | 'ipsets' | 'rules'>
  did: string[]
}

export interface NodeState {
  name: string
  role: 'server' | 'agent'
  address: string
  /** Which /24 of either pod range. */
  index: number
  powered: boolean
  /** The next agent that is installed there takes its node off the network when it starts (the field report's incident). */
  agentCuts: boolean
  /** When an agent did so, and until when. */
  cutOffs: { fromMs: number; toMs: number | null }[]
  boots: number
  clockSkewMs: number
  diskFull: boolean
  /** Until then its etcd member has no connection to its peers. */
  etcdLagsUntilMs: number
  /** When its etcd member was started; null: it does not run. */
  etcdSinceMs: number | null
  files: Record<string, FileState>
  links: Link[]
  routes: string[]
  rules: string[]
  tables: Table[]
  ipsets: IpSetState[]
  unit: UnitState
  runs: Runs | null
  /** Of a server: what its files said when the process began that runs or is about to. */
  begunWith: Runs | null
  heartbeatMs: number
  sandboxes: Sandbox[]
  images: string[]
  /** Transient units that run. */
  units: string[]
  kubeRouter: { syncedMs: number; generation: number; dirty: boolean }
  nextAddress: { flannel: number; cilium: number }
  nodeReady: boolean
  /** Of its object in the API. */
  labels: Record<string, string>
  unschedulable: boolean
  guard: GuardOfNode | null
  /** A guard that fired keeps Cilium's agent from starting. */
  agentHeld: boolean
}

export interface PodState {
  namespace: string
  name: string
  node: string
  labels: Record<string, string>
  annotations?: Record<string, string>
  owner: string
  hostNetwork: boolean
  ports: { name: string; containerPort: number; hostPort?: number; protocol: string }[]
  /** As the API has it: what the kubelet said last. */
  status: { ip: string | null; ready: boolean }
  /** It runs and answers; the kubelet has seen it. */
  ready: boolean
}

/** The chart's values that make a difference here, but for what agents read in the ConfigMap. */
export interface AgentSettings {
  stage: string
  nodeSelector: Record<string, string>
  /** What of these stands in the DaemonSet's template, as one text: agents of another one are rolled. */
  template: string
  strategy: string
  customConf: boolean
  exclusive: boolean
  portmap: boolean
  enforces: boolean
  confDir: string
  binDir: string
}

export interface AgentState extends Pick<AgentSettings, 'stage' | 'template'> {
  /** Of its pod: another one after it was deleted. */
  serial: number
  /** As cilium-config said when it started. */
  native: boolean
  carries: boolean
  /** The directory in which it puts CNI configurations of others out of the way. */
  exclusiveIn: string | null
  ready: boolean
}

export interface CiliumState {
  /** What helm applied last. Its ConfigMap is among the objects. */
  release: { version: string; values: string; settings: AgentSettings } | null
  /** Nodes to which an agent came that had none, one after the other, and where Cilium ran by then. */
  arrivals: { node: string; after: string[] }[]
  /** Somebody deleted the DaemonSet of the release. */
  withoutAgents: boolean
  generation: number
  observed: number
  /** By node: the agent that runs there. */
  agents: Record<string, AgentState>
  /** By node: whether its pods' programs enforce policies. They go on doing so when its agent was ended. */
  enforcing: Record<string, boolean>
  operatorReady: number
  /** CiliumNode objects. */
  ranges: Record<string, string>
  /** CiliumEndpoint objects: `namespace/pod` to address. */
  endpoints: Record<string, string>
  kinds: string[]
}

/** Somebody on the network hears it. */
export const isReached = (node: NodeState): boolean => node.powered && node.cutOffs.at(-1)?.toMs !== null

/** K3s' containerd, kubelet and the rest of it that serves the node. */
export const kubeletLives = (node: NodeState): boolean => node.powered && node.unit.phase === 'active'

export const hexId = (number: number): string => (number * 0x9e3779b1).toString(16).padStart(64, '0')

export const podKey = (pod: { namespace: string; name: string }): string => `${pod.namespace}/${pod.name}`
