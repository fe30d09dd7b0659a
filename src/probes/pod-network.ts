import { isIP } from 'node:net'
import type { Clock } from '../engine/model.ts'
import { MigrateError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import type { Command, Node } from '../nodes/node.ts'
import { mustRun, script } from '../nodes/run.ts'
import type { PodNetwork } from './evidence.ts'
import { type KubePod, sandboxOf } from './pairs.ts'
import { podNetworkScript } from './pod-network-script.ts'

/** A rule that comes and goes in blocks of seconds must be seen; a look costs a node a dozen processes for each pod. */
const shortestPauseS = 2
const mostLooks = 60
/** So long a command on the node lasts, whatever becomes of the operator's side. */
const commandS = 10
const asks = 5
const timeoutMs = 60_000

/** A pod whose network namespace is looked into, and where to from there. */
export interface PodChoice {
  namespace: string
  pod: string
  /** Path of its network namespace on the node. */
  netns: string
  /** Addresses, not names. */
  destinations: readonly string[]
}

/** The choices by node; pods of the host's network, without a sandbox, or of a node without facts are left out. */
export function choosePodNetworks(
  facts: Facts,
  pods: readonly KubePod[],
  destinations: readonly string[],
): Map<string, PodChoice[]> {
  const choices = pods.flatMap((pod) => {
    const netns = sandboxOf(pod, facts)?.netns
    if (!netns || pod.node === null) return []
    const own = {
      namespace: pod.namespace,
      pod: pod.name,
      netns,
      destinations: destinations.filter((one) => isIP(one)),
    }
    return [{ node: pod.node, own }]
  })
  return new Map([...Map.groupBy(choices, ({ node }) => node)].map(([node, all]) => [node, all.map(({ own }) => own)]))
}

export interface WatchPodNetworksOptions {
  clock: Clock
  durationMs: number
  /** Ends it early; what was seen until then is kept. */
  signal?: AbortSignal
}

/**
 * Looks into the network namespaces of pods of one node again and again for a time (seed 001's table). What comes and goes
 * (rules, groups, neighbours' states) is told if it was there once; sockets as they were at the last look. Only reads.
 */
export async function watchPodNetworks(
  node: Node,
  choices: readonly PodChoice[],
  options: WatchPodNetworksOptions,
): Promise<{ networks: PodNetwork[]; problem: string | null }> {
  const { clock, signal } = options
  const untilMs = clock.nowMs() + options.durationMs
  const pauseS = Math.max(shortestPauseS, Math.round(options.durationMs / 1000 / mostLooks))
  const seen = choices.map(() => new Seen())
  const problems = new Set<string>()
  let looks = 0
  while (choices.length > 0 && !signal?.aborted) {
    const leftS = Math.max(0, untilMs - clock.nowMs()) / 1000
    const rounds = Math.max(1, Math.floor(Math.min(commandS, leftS) / pauseS))
    try {
      const { stdout } = await mustRun(node, commandOf(choices, rounds, pauseS))
      for (const line of stdout.split('\n')) addLine(seen, line)
      looks += 1
    } catch (error) {
      if (!(error instanceof MigrateError)) throw error
      problems.add(error.message)
    }
    if (clock.nowMs() + pauseS * 1000 > untilMs) break
    await clock.sleep(pauseS * 1000, signal).catch((error: unknown) => {
      if (!signal?.aborted) throw error
    })
  }
  if (choices.length > 0 && looks === 0 && problems.size === 0)
    return { networks: [], problem: `${node.name}: ended before they were looked into` }
  const networks = choices.flatMap((choice, index) => {
    const found = seen[index]
    if (found?.looked) return [found.network(choice, node.name)]
    problems.add(`${node.name}: the network of ${choice.namespace}/${choice.pod} is not there`)
    return []
  })
  return { networks, problem: problems.size > 0 ? [...problems].join('; ') : null }
}

function commandOf(choices: readonly PodChoice[], rounds: number, pauseS: number): Command {
  const lines = choices.map(({ netns, destinations }, index) => `${index}\t${netns}\t${destinations.join(' ')}`)
  const args = [String(rounds), String(pauseS), String(asks), ...lines]
  return { ...script('pod-network', podNetworkScript, args, 'bash'), mode: 'read', timeoutMs }
}

function addLine(seen: readonly Seen[], line: string): void {
  const [, number, kind = '', rest = ''] = /^(\d+) (\S+) ?(.*)$/.exec(line) ?? []
  seen[Number(number ?? -1)]?.add(kind, rest)
}

/** The kernel's own three; as `ip rule` prints them. */
const ownRules = /^(0:\s+from all lookup local|32766:\s+from all lookup main|32767:\s+from all lookup default)\s*$/
const routeKinds = /^(local|broadcast|anycast|multicast|blackhole|unreachable|prohibit|throw|nat)\b/
const most = 100

/** What was seen of one namespace, over all looks. */
class Seen {
  looked = false
  private readonly routes = new Map<string, { asked: number; unicast: number; answers: Set<string> }>()
  private readonly neighbours = new Map<string, string>()
  private readonly groups = new Set<string>()
  private readonly tables = new Set<string>()
  private readonly rules = new Set<string>()
  private sockets = { tcp: 0, tcpListening: 0, udp: 0, timeWait: 0 }
  private noNetlink: string | null = null

  add(kind: string, text: string): void {
    if (kind === 'gone') return
    this.looked = true
    if (kind === 'ip' || kind === 'netlink') this.addRoute(kind, text)
    else if (kind === 'no-netlink') this.noNetlink = text
    else if (kind === 'rule') {
      if (!ownRules.test(text) && this.rules.size < most) this.rules.add(text.replace(/\s+/g, ' ').trim())
    } else if (kind === 'neigh') {
      const [, address, state] = /^(\S+) .*?([A-Z]+)\s*$/.exec(text) ?? []
      if (address !== undefined && state !== undefined) this.neighbours.set(address, state)
    } else if (kind === 'group') this.groups.add(text)
    else if (kind === 'table') this.tables.add(text.trim())
    else if (kind === 'sockets') {
      const [tcp = 0, tcpListening = 0, udp = 0, timeWait = 0] = text.split(' ').map(Number)
      this.sockets = { tcp, tcpListening, udp, timeWait }
    }
  }

  private addRoute(by: 'ip' | 'netlink', text: string): void {
    const [, destination, words = ''] = /^(\S+) (.*)$/.exec(text) ?? []
    if (destination === undefined) return
    const route = this.routes.get(destination) ?? { asked: 0, unicast: 0, answers: new Set() }
    this.routes.set(destination, route)
    const answer = by === 'netlink' ? words : answerOf(words, destination)
    route.asked += 1
    if (answer === 'unicast') route.unicast += 1
    route.answers.add(`${by === 'ip' ? 'ip route get' : 'netlink'}: ${answer}`)
  }

  network({ namespace, pod }: PodChoice, node: string): PodNetwork {
    const untold = this.noNetlink === null ? [] : [`netlink: not asked (${this.noNetlink})`]
    return {
      namespace,
      pod,
      node,
      routes: [...this.routes].map(([destination, { asked, unicast, answers }]) => ({
        ...{ destination, asked, unicast },
        answers: [...answers, ...untold],
      })),
      neighbours: [...this.neighbours].map(([address, state]) => ({ address, state })),
      multicastGroups: [...this.groups],
      sockets: this.sockets,
      netfilterTables: [...this.tables],
      foreignRules: [...this.rules],
    }
  }
}

/** The kind of route in `ip route get`'s words: unicast is the one that is not named. */
function answerOf(words: string, destination: string): string {
  if (words.startsWith(`${destination} `)) return 'unicast'
  return routeKinds.exec(words)?.[1] ?? words.replace('RTNETLINK answers: ', '').slice(0, 80)
}
