import { bind } from '../../src/engine/model.ts'
import type { Facts } from '../../src/facts/facts.ts'
import type { Inventory } from '../../src/inventory/schema.ts'
import { k3sFlags } from '../../src/operations/k3s-flags.ts'
import { k3sRestartWayBack } from '../../src/operations/k3s-restart-way-back.ts'
import { k3sRestarted } from '../../src/operations/k3s-restarted.ts'
import { nodesOfRole } from '../../src/operations/k3s-unit.ts'
import { type Change, minutes } from './step.ts'

interface Rolling {
  /** Begins the steps' names. */
  id: string
  /** What is done, after "Have the servers". */
  what: string
  flags: Readonly<Record<string, string>>
  /** Whether K3s runs with flannel then. */
  flannel: boolean
  /** Files of the servers were edited by the run before. */
  again?: true
  pointOfNoReturn?: string
  /** What stands open from the first restart on. */
  exposure?: string
}

/**
 * Flags of the servers set, and K3s restarted on one node after the other. It takes them without a word of disagreement
 * (measured.md 18); agents take them from whichever server answers, so they come last.
 */
export function rollingFlags(
  { lifeboat }: Inventory,
  { id, what, flags, flannel, again, pointOfNoReturn, exposure }: Rolling,
): Change[] {
  const servers = (facts: Facts) => nodesOfRole(facts, 'server', lifeboat)
  const agents = (facts: Facts) => nodesOfRole(facts, 'agent')
  const one = {
    // A plan that is made anew may find them set and in force: nobody is restarted for nothing.
    when: (facts: Facts) => servers(facts).some((name) => k3sFlags.diff(facts, name, { flags }) !== null),
    kind: 'change' as const,
    order: 'serial' as const,
    timeoutMs: minutes(10),
  }
  const back = (role: 'servers' | 'agents', targets: Change['targets']): Change => ({
    ...one,
    id: `${id}-${role}-back`,
    title: `Way back: K3s restarted on the ${role} with its former flags`,
    why: 'It reads them only when it starts.',
    operation: bind(k3sRestartWayBack, () => undefined),
    targets,
    risk: 'none: nothing happens now',
  })
  const members = (role: 'servers' | 'agents') => (facts: Facts) => {
    const count = servers(facts).length
    return role === 'servers' ? `${count - 1} of ${count} while one restarts` : `${count} of ${count}`
  }
  const restart = (role: 'servers' | 'agents', targets: Change['targets'], risk: string): Change => ({
    ...one,
    id: `${id}-${role}`,
    title: `Restart K3s on the ${role}, one after the other${role === 'servers' ? ', the lifeboat last' : ''}`,
    why: 'It reads its flags only when it starts. Pods go on talking; the API and etcd keep their quorum.',
    operation: bind(k3sRestarted, () => ({ flannel })),
    targets,
    risk,
    membersUp: members(role),
    takesMs: 20_000,
  })
  return [
    // Undone in the other order: files, servers, agents.
    back('agents', agents),
    back('servers', servers),
    {
      kind: 'change',
      id: `${id}-flags`,
      title: `Have the servers ${what}`,
      why: 'In the file that wins for each flag; agents take it from the servers.',
      operation: bind(k3sFlags, () => ({ flags, ...(again ? { again } : {}) })),
      targets: servers,
      order: 'parallel',
      risk: 'none until K3s restarts',
      timeoutMs: minutes(2),
      ...(pointOfNoReturn === undefined ? {} : { pointOfNoReturn }),
    },
    {
      ...restart(
        'servers',
        servers,
        'a server that does not come up again leaves the others without one to spare: the run stops there',
      ),
      outage: { what: 'some new connections to the API, while the server behind them restarts', expectedMs: 20_000 },
      ...(exposure === undefined ? {} : { exposure }),
    },
    restart('agents', agents, 'nothing new starts on the node meanwhile'),
  ]
}
