import type { Finding } from '../../engine/model.ts'
import type { ProbedState } from '../../probes/probe-state.ts'
import { shownList } from './shown-list.ts'

/** A host port, tried from another node, leads to its pod wherever the pod itself answers to that node. */
export function hostPortsLead({ hostPorts, direct }: Pick<ProbedState, 'hostPorts' | 'direct'>): Finding[] {
  const title = 'host ports lead to their pods'
  if (hostPorts.length === 0) return [{ level: 'fine', title, detail: 'there are none that another node could try' }]
  const answers = hostPorts.filter(({ direct: { id } }) => direct[id])
  const dead = answers.filter(({ outcomes }) => outcomes.at(-1) !== 'ok')
  const shown = (list: typeof hostPorts) =>
    shownList(
      list.map((one) => `${one.toNode}:${one.port} of ${one.pod} (${one.outcomes.at(-1)} from ${one.fromNode})`),
    )
  if (dead.length > 0) {
    return [
      {
        level: 'blocks',
        title,
        detail: `${dead.length} of ${answers.length} lead nowhere, though their pods answer: ${shown(dead)}`,
        fix: 'look for stale entries in the chain CNI-HOSTPORT-DNAT of that node, and whether the CNI configuration there names portmap; delete the pod, so that it is written anew',
      },
    ]
  }
  const silent = hostPorts.filter(({ direct: { id }, allowed }) => !direct[id] && allowed)
  if (silent.length > 0) {
    return [
      {
        level: 'unknown',
        title,
        detail: `${silent.length} of ${hostPorts.length} cannot be told, because their pods do not answer either: ${shown(silent)}`,
      },
    ]
  }
  return [
    {
      level: 'fine',
      title,
      detail: `${answers.length} of ${hostPorts.length} were tried from another node: all answer`,
    },
  ]
}
