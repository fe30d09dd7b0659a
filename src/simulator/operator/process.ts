import { AsyncLocalStorage } from 'node:async_hooks'
import type { Clock } from '../../engine/model.ts'
import type { KubeApi, KubeObject } from '../../kube/api.ts'
import { KubeError, KubeUnreachableError } from '../../kube/errors.ts'
import { describeCommand } from '../../nodes/describe.ts'
import { HostKeyError, UnreachableError } from '../../nodes/errors.ts'
import type { Command, Node, Nodes } from '../../nodes/node.ts'
import type { Answer, ApiRequest } from '../cluster/state.ts'
import type { Simulation } from '../simulation.ts'

export class Killed extends Error {}

/** The process that the code running now belongs to: fault points do not say. */
export const currentProcess = new AsyncLocalStorage<OperatorProcess>()

const never = <T>() => new Promise<T>(() => undefined)

/**
 * One process of an operator's side. All that it has of the world are handles that go dead with it: what it had been
 * waiting for never comes, and what it would do next is not done.
 */
export class OperatorProcess {
  readonly simulation: Simulation
  readonly id: number
  readonly operator: string
  readonly stop = new AbortController()
  readonly abort = new AbortController()
  readonly death: Promise<'killed'>
  dead = false
  clockOffsetMs = 0
  readonly #refused = new Set<string>()
  #die: (how: 'killed') => void = () => undefined

  constructor(simulation: Simulation, id: number, operator: string) {
    this.simulation = simulation
    this.id = id
    this.operator = operator
    this.death = new Promise((resolve) => {
      this.#die = resolve
    })
  }

  die(): void {
    this.dead = true
    this.#die('killed')
  }

  /** One instant of this process: what is to go wrong now goes wrong. @throws Killed */
  instant(): void {
    if (this.dead) throw new Killed()
    this.simulation.instantOf(this)
    if (this.dead) throw new Killed()
  }

  /** Does something at once, with an instant before and after it. */
  async act<T>(effect: () => T): Promise<T> {
    if (this.dead) return never()
    this.instant()
    const result = effect()
    this.instant()
    return result
  }

  async wait(send: (reply: number) => void): Promise<Answer> {
    if (this.dead) return never()
    return new Promise((resolve) => {
      this.simulation.expectReply(send, (answer) => {
        if (!this.dead) resolve(answer)
      })
    })
  }

  readonly clock: Clock = {
    nowMs: () => Math.round(this.simulation.state.nowMs + this.clockOffsetMs),
    sleep: (ms, signal) => {
      if (this.dead) return never()
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const cancel = this.simulation.wakeAfter(ms, () => {
          signal?.removeEventListener('abort', aborted)
          if (!this.dead) resolve()
        })
        const aborted = () => {
          cancel()
          if (!this.dead) reject(signal?.reason)
        }
        signal?.addEventListener('abort', aborted, { once: true })
      })
    },
  }

  readonly nodes: Nodes = {
    names: [],
    get: (name) => this.node(name),
    close: async () => undefined,
  }

  node(name: string): Node {
    return {
      name,
      run: (command) => this.#run(name, command),
      connect: () => Promise.reject(new Error('the simulated API is not reached through the nodes')),
      reconnect: async () => undefined,
    }
  }

  async #run(node: string, command: Command) {
    if (this.dead) return never<never>()
    this.instant()
    const { simulation } = this
    // As ssh-node.ts: a host that showed a wrong key is not spoken to again in this run.
    if (simulation.wrongKeys.delete(node)) this.#refused.add(node)
    if (this.#refused.has(node))
      throw new HostKeyError(`${node}: the host key is not the one that is known`, { host: node })
    const stdin = typeof command.stdin === 'string' ? command.stdin : Buffer.from(command.stdin ?? '').toString('utf8')
    const { argv, mode, timeoutMs } = command
    simulation.sent(this, node, describeCommand({ argv, stdin }), mode, [...argv, stdin])
    const waiting = this.wait((reply) => simulation.sendCommand(node, { argv, mode, timeoutMs, stdin }, reply))
    this.instant()
    const answer = await waiting
    if (answer.kind === 'unreachable') throw new UnreachableError(`${node}: ${answer.reason}`, { host: node })
    if (answer.kind !== 'outcome') throw new Error(`a command was answered with ${answer.kind}`)
    return answer.outcome
  }

  async #request(request: ApiRequest): Promise<Answer> {
    if (this.dead) return never()
    this.instant()
    const isRead = request.verb === 'list' || request.verb === 'get' || request.verb === 'raw'
    const text = JSON.stringify(request)
    this.simulation.sent(this, placeOf(request), text.slice(0, 160), isRead ? 'read' : 'write', isRead ? [] : [text])
    const waiting = this.wait((reply) => this.simulation.sendRequest(request, reply))
    if (!isRead) this.instant()
    const answer = await waiting
    if (answer.kind === 'unreachable')
      throw new KubeUnreachableError(`no server's API could be reached (${answer.reason})`)
    // As the client does: what is not there is no error where it is read or deleted.
    if (answer.kind === 'kube-error' && !(isRead && answer.status === 404))
      throw new KubeError(answer.status, answer.message)
    return answer
  }

  readonly kube: KubeApi = {
    list: async (kind, options = {}) => {
      const answer = await this.#request({ verb: 'list', ...kind, ...options })
      return answer.kind === 'objects' ? answer.objects : []
    },
    get: async (kind, name, namespace) =>
      objectOf(await this.#request({ verb: 'get', ...kind, name, ...within(namespace) })),
    create: async (object) => mustBe(objectOf(await this.#request({ verb: 'create', object: copied(object) }))),
    patch: async (kind, name, namespace, patch) =>
      mustBe(
        objectOf(await this.#request({ verb: 'patch', ...kind, name, patch: copied(patch), ...within(namespace) })),
      ),
    replace: async (object) => mustBe(objectOf(await this.#request({ verb: 'replace', object: copied(object) }))),
    delete: async (kind, name, namespace, options) => {
      const how = options === undefined ? {} : { options }
      await this.#request({ verb: 'delete', ...kind, name, ...within(namespace), ...how })
    },
    finalize: async (namespace) => {
      await this.#request({ verb: 'finalize', object: copied(namespace) })
    },
    raw: async (path) => {
      const answer = await this.#request({ verb: 'raw', path })
      if (answer.kind !== 'raw') throw new Error(`a raw request was answered with ${answer.kind}`)
      return { status: answer.status, body: answer.body }
    },
    follow: () => {
      throw new Error('the simulated API has no watches: no run uses one')
    },
    close: async () => undefined,
  }
}

const within = (namespace: string | undefined) => (namespace === undefined ? {} : { namespace })
const copied = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T
const objectOf = (answer: Answer): KubeObject | null => (answer.kind === 'object' ? answer.object : null)

function mustBe(object: KubeObject | null): KubeObject {
  if (object === null) throw new Error('the simulated API answered a write without an object')
  return object
}

/** What changes a node's object, or the agent that runs there, is for that node. */
function placeOf(request: ApiRequest): string {
  if (request.verb === 'patch' && request.kind === 'Node') return request.name
  const [, agentOf] =
    request.verb === 'delete' && request.kind === 'Pod' ? (/^cilium-\d+-(.+)$/.exec(request.name) ?? []) : []
  return agentOf ?? 'cluster'
}
