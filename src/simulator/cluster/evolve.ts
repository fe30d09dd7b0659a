import { between } from '../random.ts'
import {
  agentSettings,
  ciliumKinds,
  configKey,
  configOf,
  hasAgent,
  putOthersAside,
  recordKey,
  releaseRecord,
  routingNow,
  settingsOn,
  startAgent,
  syncRoutes,
} from './cilium.ts'
import { fireGuard, mendCut, rebootGuard } from './guard.ts'
import { becomeActive, execWords, networkInForce, portIsTaken, removeLink, serverSettings, unitFile } from './k3s.ts'
import { collectDead, makeSandbox, sandboxOf } from './pods.ts'
import {
  type ClusterState,
  isReached,
  kubeletLives,
  type NodeState,
  type PodState,
  podKey,
  type WorldEvent,
} from './state.ts'

const electionMs = 1_500
/** By hand. */
const switchedOffMs = 5_000
const heartbeatEveryMs = 10_000

type NewEvent = WorldEvent extends infer Event ? (Event extends WorldEvent ? Omit<Event, 'id'> : never) : never

export function schedule(state: ClusterState, event: NewEvent): void {
  state.lastId += 1
  const whole = { ...event, id: state.lastId } as WorldEvent
  let at = state.events.length
  while (at > 0 && (state.events[at - 1]?.atMs ?? 0) > whole.atMs) at -= 1
  state.events.splice(at, 0, whole)
}

/** Has something happen after a while, unless it is on its way already. */
export function due(state: ClusterState, key: string, fromMs: number, toMs = fromMs): void {
  if (state.pending[key]) return
  state.pending[key] = true
  schedule(state, { kind: 'due', key, atMs: state.nowMs + Math.round(between(state, fromMs, toMs) * state.pace) })
}

export const servers = (state: ClusterState): NodeState[] =>
  Object.values(state.nodes).filter((node) => node.role === 'server')

/** Its etcd process runs and is connected. */
export const memberVotes = (state: ClusterState, node: NodeState): boolean =>
  isReached(node) &&
  node.etcdSinceMs !== null &&
  state.nowMs - node.etcdSinceMs >= electionMs &&
  state.nowMs >= node.etcdLagsUntilMs

export const votingMembers = (state: ClusterState): NodeState[] =>
  servers(state).filter((node) => memberVotes(state, node))

export const hasQuorum = (state: ClusterState): boolean =>
  votingMembers(state).length > Math.floor(servers(state).length / 2)

/** Servers whose API answers: active, and etcd has a quorum that they are part of. */
export const apiServers = (state: ClusterState): NodeState[] =>
  hasQuorum(state) ? votingMembers(state).filter((node) => node.unit.phase === 'active') : []

/** Moves the time on. Living kubelets and controllers renew their leases as it passes. */
export function advanceTo(state: ClusterState, atMs: number): void {
  const isApiUp = apiServers(state).length > 0
  state.nowMs = Math.max(state.nowMs, atMs)
  if (!isApiUp) return
  if (state.control.led) state.control.renewedMs = state.nowMs
  for (const node of Object.values(state.nodes))
    if (kubeletLives(node) && isReached(node)) node.heartbeatMs = state.nowMs - (state.nowMs % heartbeatEveryMs)
}

/** Looks at everything and starts what has to happen: controllers look at levels, not at edges. */
export function reconcile(state: ClusterState): void {
  const isApiUp = apiServers(state).length > 0
  for (const node of Object.values(state.nodes)) reconcileUnit(state, node, isApiUp)
  if (!isApiUp) state.control.led = false
  else if (!state.control.led) due(state, 'lead', 3_000, 15_000)
  if (state.control.led) reconcileChart(state)
  for (const node of Object.values(state.nodes))
    if (kubeletLives(node)) reconcileNode(state, node, isApiUp && isReached(node))
}

function reconcileUnit(state: ClusterState, node: NodeState, isApiUp: boolean): void {
  const { phase } = node.unit
  if (!node.powered) return
  if (phase === 'auto-restart') due(state, `restart:${node.name}`, 5_000)
  if (phase === 'starting' && node.role === 'agent' && isApiUp) due(state, `active:${node.name}`, 2_000, 4_000)
  if (node.role === 'agent') return
  if (phase === 'starting') {
    if (node.etcdSinceMs === null) due(state, `etcd:${node.name}`, 500, 1_500)
    else if (!memberVotes(state, node)) due(state, `vote:${node.name}`, electionMs)
    else if (hasQuorum(state)) due(state, `active:${node.name}`, 2_000, 6_000)
  }
  if (phase === 'active' && !memberVotes(state, node)) due(state, `vote:${node.name}`, electionMs)
  if (phase === 'active' && !hasQuorum(state)) due(state, `lost:${node.name}`, 10_000)
}

function reconcileChart(state: ClusterState): void {
  const chart = state.objects['HelmChart kube-system/cilium']
  const release = state.cilium.release
  const spec = chart?.spec as { version?: string; valuesContent?: string } | undefined
  const isWanted = chart !== undefined && chart.metadata.deletionTimestamp === undefined
  const isApplied = release !== null && spec?.valuesContent === release.values && spec.version === release.version
  if (chart !== undefined && !(isWanted && isApplied)) due(state, 'helm', 2_000, 15_000)
  if (release === null || state.cilium.withoutAgents) return
  if (state.cilium.observed < state.cilium.generation) due(state, 'observe', 300, 800)
  if (state.cilium.operatorReady === 0) due(state, 'operator', 3_000, 6_000)
}

function reconcileNode(state: ClusterState, node: NodeState, isApiUp: boolean): void {
  const { release, generation, observed, agents } = state.cilium
  const agent = agents[node.name]
  const isWanted = hasAgent(state, node)
  if (isApiUp) {
    if (!isWanted && agent) due(state, `agent-gone:${node.name}`, 500, 2_000)
    if (isWanted && release !== null && observed === generation) {
      const { template, strategy } = release.settings
      // One at a time once it is there: maxUnavailable is 1. With another strategy only who is deleted comes back otherwise.
      const mayRoll = strategy === 'RollingUpdate' && Object.values(agents).every((one) => one.ready)
      if (agent && agent.template !== template && mayRoll) agent.ready = false
      if (!agent) due(state, `agent:${node.name}`, 4_000, 8_000)
    }
    if (isWanted && agent && !agent.ready) due(state, `agent:${node.name}`, 4_000, 8_000)
  }
  node.nodeReady = networkInForce(node) !== null
  collectDead(state, node)
  for (const pod of state.pods) {
    if (pod.node !== node.name) continue
    const sandbox = sandboxOf(node, pod)
    if (!sandbox) due(state, `sandbox:${podKey(pod)}`, 400, 1_200)
    else if (!pod.ready) due(state, `ready:${podKey(pod)}`, 500, 2_000)
    if (isApiUp) reportStatus(state, pod, sandbox?.ip ?? (pod.hostNetwork ? node.address : null))
  }
}

/** The kubelet tells the API; everybody who writes rules about pods hears of it. */
function reportStatus(state: ClusterState, pod: PodState, ip: string | null): void {
  if (pod.status.ip !== ip) for (const node of Object.values(state.nodes)) node.kubeRouter.dirty = true
  pod.status = { ip, ready: pod.ready }
}

const podOf = (state: ClusterState, key: string): PodState | undefined => state.pods.find((pod) => podKey(pod) === key)

/** What was on its way has come; whether it still can happen is looked at now. */
export function happen(state: ClusterState, key: string): void {
  delete state.pending[key]
  const at = key.indexOf(':')
  const [what, of] = at < 0 ? [key, ''] : [key.slice(0, at), key.slice(at + 1)]
  const node = state.nodes[of]
  const pod = node ? undefined : podOf(state, of)
  if (node) ofNode(state, what, node)
  else if (pod) ofPod(state, what, pod)
  else if (what === 'lead' && apiServers(state).length > 0) {
    state.control = { led: true, renewedMs: state.nowMs }
  } else if (what === 'observe') state.cilium.observed = state.cilium.generation
  else if (what === 'operator' && state.cilium.release !== null && state.control.led && !state.cilium.withoutAgents) {
    state.cilium.operatorReady = Math.min(2, Object.keys(state.nodes).length)
    state.cilium.kinds = ciliumKinds
  } else if (what === 'helm' && state.control.led) runHelm(state)
}

function runHelm(state: ClusterState): void {
  const key = 'HelmChart kube-system/cilium'
  const chart = state.objects[key]
  if (!chart) return
  const { cilium } = state
  if (chart.metadata.deletionTimestamp !== undefined) {
    cilium.release = null
    cilium.operatorReady = 0
    delete state.objects[key]
    delete state.objects[configKey]
    delete state.objects[recordKey]
    return
  }
  const { version = '', valuesContent = '' } = chart.spec as { version?: string; valuesContent?: string }
  // Keys that somebody else added are nobody's to remove: helm merges what it made, what it makes and what is there.
  const known = cilium.release === null ? {} : (configOf(cilium.release.values).data as object)
  const live = Object.entries((state.objects[configKey]?.data as object | undefined) ?? {})
  const strangers = Object.fromEntries(live.filter(([name]) => !(name in known)))
  const config = configOf(valuesContent)
  cilium.release = { version, values: valuesContent, settings: agentSettings(valuesContent) }
  state.objects[configKey] = { ...config, data: { ...strangers, ...(config.data as object) } }
  state.objects[recordKey] = releaseRecord(version, valuesContent)
  cilium.withoutAgents = false
  cilium.generation += 1
}

function ofNode(state: ClusterState, what: string, node: NodeState): void {
  const { unit } = node
  if (what === 'power-on') powerOn(state, node)
  if (what === 'power-switch') powerOff(state, node, switchedOffMs)
  if (what === 'clock-set') node.clockSkewMs = 0
  if (what === 'disk-freed') node.diskFull = false
  if (!node.powered) return
  if (what === 'guard') watchGuard(state, node)
  if (what === 'etcd' && unit.phase === 'starting') node.etcdSinceMs = state.nowMs
  if (what === 'restart' && unit.phase === 'auto-restart') start(state, node)
  if (what === 'active' && unit.phase === 'starting') whenReady(state, node)
  if (what === 'lost' && unit.phase === 'active' && !hasQuorum(state)) end(node, 'auto-restart')
  if (!kubeletLives(node)) return
  if (what === 'agent-gone' && !hasAgent(state, node)) {
    delete state.cilium.agents[node.name]
    delete state.cilium.enforcing[node.name]
    // The only thing of an agent's that goes with it.
    removeLink(node, 'lxc_health')
  }
  if (what === 'agent') runAgent(state, node)
}

function runAgent(state: ClusterState, node: NodeState): void {
  const { release, agents } = state.cilium
  if (release === null || !hasAgent(state, node)) return
  if (node.agentHeld || !isReached(node) || apiServers(state).length === 0) return
  const routing = routingNow(state)
  if (routing === null) return
  const former = agents[node.name]
  if (former === undefined) state.cilium.arrivals.push({ node: node.name, after: Object.keys(agents) })
  const settings = settingsOn(state, node, release.settings)
  const isNew = former?.template !== settings.template
  startAgent(state, node, settings, routing)
  if (node.agentCuts && isNew) {
    node.agentCuts = false
    node.cutOffs.push({ fromMs: state.nowMs, toMs: null })
    return
  }
  const { stage, template, customConf, enforces, exclusive, confDir } = settings
  if (isNew) state.lastId += 1
  agents[node.name] = {
    ...{ native: routing.native, stage, template, ready: true, carries: !customConf },
    serial: isNew ? state.lastId : former.serial,
    exclusiveIn: exclusive && !customConf ? confDir : null,
  }
  state.cilium.enforcing[node.name] = enforces
  syncRoutes(state)
  for (const sandbox of node.sandboxes)
    if (sandbox.ready && sandbox.network === 'cilium') state.cilium.endpoints[sandbox.pod] = sandbox.ip ?? ''
}

/** It was renewed since: its time is not over yet. */
function watchGuard(state: ClusterState, node: NodeState): void {
  fireGuard(state, node)
  if (node.guard?.state === 'armed') due(state, `guard:${node.name}`, (node.guard.firesAtMs - state.nowMs) / state.pace)
}

function whenReady(state: ClusterState, node: NodeState): void {
  const runs = node.role === 'server' ? node.begunWith : agentSettingsFrom(state)
  const isPossible = node.role === 'server' ? hasQuorum(state) && memberVotes(state, node) : runs !== null
  if (!isPossible || runs === null) return
  if (runs.flannel && portIsTaken(node)) end(node, 'auto-restart')
  else {
    becomeActive(state, node, runs)
    const { exclusiveIn = null, ready = false } = state.cilium.agents[node.name] ?? {}
    if (exclusiveIn !== null && ready) putOthersAside(node, exclusiveIn)
  }
}

/** An agent takes flannel and the policy controller from whichever server answers, once, when it starts. */
function agentSettingsFrom(state: ClusterState): NodeState['runs'] {
  const [server] = apiServers(state)
  return server?.runs ? { ...server.runs, args: ['agent'] } : null
}

export function start(state: ClusterState, node: NodeState): void {
  if (node.unit.phase === 'active' || node.unit.phase === 'starting') return
  node.unit.phase = 'starting'
  node.unit.starts += 1
  node.unit.sinceMs = state.nowMs
  node.etcdSinceMs = null
  node.begunWith = node.role === 'server' ? serverSettings(node) : null
}

/** K3s has ended; pods, links and rules stay. A K3s with flannel ends with an error (measured.md 1). */
export function end(node: NodeState, phase: 'failed' | 'inactive' | 'auto-restart'): void {
  node.unit.phase = phase
  node.unit.lastResult = phase === 'inactive' ? 'success' : 'exit-code'
  node.etcdSinceMs = null
}

function ofPod(state: ClusterState, what: string, pod: PodState): void {
  const node = state.nodes[pod.node]
  if (!node || !kubeletLives(node)) return
  const sandbox = sandboxOf(node, pod)
  if (what === 'sandbox' && !sandbox) makeSandbox(state, node, pod)
  if (what === 'ready' && sandbox) pod.ready = true
}

/** The power fails: what lies in memory is gone, what lies on disk stays. */
export function powerOff(state: ClusterState, node: NodeState, forMs: number): void {
  if (!node.powered) return
  node.powered = false
  mendCut(state, node)
  node.etcdSinceMs = null
  node.unit.phase = 'inactive'
  due(state, `power-on:${node.name}`, forMs / state.pace)
  const ofBoot = state.boot[node.name]
  node.links = structuredClone(ofBoot?.links ?? [])
  node.routes = [...(ofBoot?.routes ?? [])]
  node.rules = [...(ofBoot?.rules ?? [])]
  node.tables = structuredClone(ofBoot?.tables ?? [])
  node.ipsets = structuredClone(ofBoot?.ipsets ?? [])
  node.units = []
  rebootGuard(node, state.nowMs + forMs)
  for (const sandbox of node.sandboxes) {
    sandbox.ready = false
    sandbox.stoppedMs ??= state.nowMs
  }
  for (const path of Object.keys(node.files)) if (path.startsWith('/run/')) delete node.files[path]
  for (const pod of state.pods) if (pod.node === node.name) pod.ready = false
  const agent = state.cilium.agents[node.name]
  if (agent) agent.ready = false
}

function powerOn(state: ClusterState, node: NodeState): void {
  node.powered = true
  node.boots += 1
  node.unit.words = execWords(node.files[unitFile(node)]?.text ?? '')
  start(state, node)
}
