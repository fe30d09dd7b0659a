import type { Finding } from '../../engine/model.ts'
import type { LargePath } from '../../probes/probe-state.ts'
import { shownList } from './shown-list.ts'

/** More than a packet of data gets from every node's pods to every other's: the tunnel's header fits into the MTU. */
export function largePacketsCross(paths: readonly LargePath[]): Finding[] {
  const title = 'large packets cross between nodes'
  if (paths.length === 0) return [{ level: 'fine', title, detail: 'there is only one node' }]
  const passed = paths.filter(({ results }) => results.some(({ result }) => result === 'passed'))
  const stuck = paths.filter((path) => !passed.includes(path) && path.results.some(({ result }) => result === 'stuck'))
  const unknown = paths.filter((path) => !passed.includes(path) && !stuck.includes(path))
  const shown = ({ fromNode, toNode, results }: LargePath) => {
    const [one] = results.filter(({ result }) => result === 'stuck')
    return one ? `${fromNode} -> ${toNode} (${one.from} -> ${one.to}:${one.port})` : `${fromNode} -> ${toNode}`
  }
  const findings: Finding[] = []
  if (stuck.length > 0)
    findings.push({
      level: 'blocks',
      title,
      detail: `connections open and 6000 bytes do not arrive, on ${stuck.length} of ${paths.length} ways: ${shownList(stuck.map(shown))}`,
      fix: 'the MTU of the pods is too large for the way between these nodes: compare it with that of the uplink less 50 bytes of VXLAN, and set MTU in the values of the chart; then recreate the pods',
    })
  if (unknown.length > 0)
    findings.push({
      level: 'unknown',
      title,
      // Policies may leave no pair for a way. An MTU is a node's: it has been seen to fit where others got through.
      ...(unknown.every((path) => areTold(path, passed)) ? { atWorst: 'warns' } : {}),
      detail: `no pair that connects could tell for ${unknown.length} of ${paths.length} ways: ${shownList(unknown.map(shown))}`,
    })
  if (findings.length === 0)
    findings.push({ level: 'fine', title, detail: `6000 bytes arrived on all ${paths.length} ways between nodes` })
  return findings
}

/** Large packets left the one node and reached the other, if on other ways. */
const areTold = ({ fromNode, toNode }: LargePath, passed: readonly LargePath[]): boolean =>
  passed.some((other) => other.fromNode === fromNode) && passed.some((other) => other.toNode === toNode)
