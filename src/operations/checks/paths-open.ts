import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import type { PathsFacts } from '../../facts/paths.ts'
import { type About, about, some } from './finding.ts'
import { firewallVerdict } from './firewall-open.ts'

type Path = PathsFacts[number]

const nameOf = ({ protocol, port }: Path) => (protocol === 'icmp' ? 'ICMP echo' : `${port}/${protocol}`)

/** Cilium's health checks only report; without the tunnel no pod reaches a pod of another node. */
const isVital = ({ protocol, port }: Path) => protocol !== 'icmp' && port !== 4240 && port !== 4244

/** Where somebody listens, or a listener of ours did, refused means that a firewall refused. Otherwise the node itself did. */
const isThrough = ({ outcome, listening }: Path) => outcome === 'open' || (outcome === 'refused' && !listening)

function judge(what: string, paths: readonly Path[], facts: Facts): Finding[] {
  const [first] = paths
  if (!first) return []
  const here = about(`${nameOf(first)} is open between the nodes (${what})`)
  const way = ({ from, to }: Path) => `${from} to ${to}`
  const open = `let ${nameOf(first)} in from the other nodes, on every node and in whatever filters between them`
  const worst = isVital(first) ? here.unknown : here.unsure
  const closed = paths.filter((path) => path.outcome !== 'not-tried' && !isThrough(path))
  const untried = paths.filter(({ outcome }) => outcome === 'not-tried')
  const findings: Finding[] = []
  if (closed.length > 0) {
    const said = `${closed.length} of ${paths.length} ways are not: ${some(closed.map((path) => `${way(path)} (${path.outcome})`))}`
    findings.push(isVital(first) ? here.blocks(said, open) : here.warns(said, open))
  }
  for (const [why, those] of Map.groupBy(untried, (path) => path.why ?? ''))
    findings.push(
      unseen(here, first, `${some(those.map(way))}: ${why}`, those, facts) ??
        worst(`${some(those.map(way))}: ${why}`, open),
    )
  return findings.length > 0 ? findings : [here.fine(`tried on ${paths.length} ways`)]
}

/** What else tells of a port that could not be tried: a tunnel that uses it today, or the nodes' own rules. */
function unseen(
  here: About,
  { protocol, port }: Path,
  said: string,
  those: readonly Path[],
  facts: Facts,
): Finding | null {
  const carries = (link: string) => protocol === 'udp' && those.every(({ to }) => holdsPort(facts, to, link, port))
  if (carries('flannel.1')) return here.fine('flannel uses it today')
  if (carries('cilium_vxlan')) return here.fine("Cilium's own tunnel uses it already")
  if (protocol === 'icmp') return null
  const byRules = those.map(({ to, address }) => firewallVerdict(facts, to, address, port, protocol))
  return byRules.every((verdict) => verdict === 'open')
    ? here.unsure(
        `${said}; the firewalls of the nodes let it in, by their rules`,
        'try it by hand if something filters between the nodes',
      )
    : null
}

const holdsPort = (facts: Facts, node: string, name: string, port: number) =>
  facts.nodes[node]?.network.links.some((link) => link.name === name && link.up && link.vxlanPort === port) === true

/** Every port between the nodes that K3s uses and Cilium will use, by what was actually tried (seed 002's table). */
export function pathsOpen(facts: Facts): Finding[] {
  const title = 'ports between the nodes are open'
  if (Object.keys(facts.nodes).length === 1) return [about(title).fine('there is one node')]
  if (facts.paths === undefined)
    return [about(title).unknown('they were not tried when these facts were read', 'read the facts anew')]
  const among = facts.paths.filter(({ to }) => facts.nodes[to] !== undefined)
  const groups = Map.groupBy(among, (path) => `${path.what} ${path.protocol} ${path.port}`)
  return [...groups.values()].flatMap((paths) => judge(paths[0]?.what ?? '', paths, facts))
}
