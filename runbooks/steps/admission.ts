import { bind } from '../../src/engine/model.ts'
import type { Facts } from '../../src/facts/facts.ts'
import type { Inventory } from '../../src/inventory/schema.ts'
import { agentsHealthy } from '../../src/operations/checks/agents-healthy.ts'
import { ciliumBeside } from '../../src/operations/checks/cilium-beside.ts'
import { clusterWhole } from '../../src/operations/checks/cluster-whole.ts'
import { ciliumAdmitted } from '../../src/operations/cilium-admitted.ts'
import { admission, onCilium } from '../../src/operations/labels.ts'
import { nodeLabelsAbsent } from '../../src/operations/node-labels-absent.ts'
import { flannelRuns } from './flannel-flags.ts'
import { guardedAgents } from './guards.ts'
import { all, type Change, type Gate, minutes } from './step.ts'

type Way = Pick<Change, 'id' | 'title' | 'why' | 'targets' | 'risk'>

/** Cilium comes to the canary first, then to the rest, and to the lifeboat last: who serves the API to the end can still help. */
export function admissionSteps({ canary, lifeboat, cilium: { podCidr, tunnelPort } }: Inventory) {
  const admit = (way: Way): Change => ({
    kind: 'change',
    ...way,
    operation: bind(ciliumAdmitted, () => undefined),
    order: 'parallel',
    timeoutMs: minutes(10),
    takesMs: 10_000,
    when: flannelRuns,
  })
  const rest = (facts: Facts) => all(facts).filter((name) => name !== canary && name !== lifeboat)
  const admitCanary = admit({
    id: 'canary',
    title: `Keep Cilium to the canary ${canary} for the beginning`,
    why: 'What goes wrong goes wrong on one node.',
    targets: () => [canary],
    risk: 'none: nothing is installed yet',
  })
  const admitRest = guardedAgents(
    admit({
      id: 'cilium-on-the-rest',
      title: `Cilium on every node but the lifeboat ${lifeboat}`,
      why: `It is healthy on ${canary}.`,
      targets: rest,
      risk: 'an agent that crashes could cut its node off',
    }),
    () => 'taken-away',
  )
  const admitLifeboat = guardedAgents(
    admit({
      id: 'cilium-on-the-lifeboat',
      title: `Cilium on the lifeboat ${lifeboat}`,
      why: 'It is healthy on all others.',
      targets: () => (canary === lifeboat ? [] : [lifeboat]),
      risk: 'an agent that crashes could cut its node off',
    }),
    () => 'taken-away',
  )
  const healthy = (id: string, title: string, reads: readonly string[], check: Gate['check']): Gate => ({
    kind: 'gate',
    id,
    title,
    why: 'Only then the next nodes.',
    reads,
    check,
    timeoutMs: minutes(5),
    when: flannelRuns,
  })
  const agents = (facts: Facts) => agentsHealthy(facts, tunnelPort)
  const unharmed = (facts: Facts) => [...agents(facts), ...ciliumBeside(facts, podCidr), ...clusterWhole(facts)]
  const reads = ['kube', 'network', 'etcd']
  const on = (id: string, where: string): Gate =>
    healthy(id, `Cilium is healthy ${where} and carries no pod`, reads, unharmed)

  /** @param beside flannel carries the pods meanwhile: nothing that they see may change */
  const admitOthers = (beside: boolean) =>
    beside
      ? [
          on('canary-healthy', `on the canary ${canary}`),
          admitRest,
          on('rest-healthy', `on all nodes but ${lifeboat}`),
          admitLifeboat,
          on('cilium-carries-nothing', 'on every node'),
        ]
      : [
          healthy('canary-healthy', `Cilium is healthy on the canary ${canary}`, reads, agents),
          admitRest,
          healthy('rest-healthy', `Cilium is healthy on all nodes but ${lifeboat}`, reads, agents),
          admitLifeboat,
        ]
  const endAdmission: Change = {
    kind: 'change',
    id: 'admission-ends',
    title: 'Take the marks off the nodes that kept Cilium to some of them',
    why: 'It runs on every node now, whichever joins.',
    operation: bind(nodeLabelsAbsent, () => ({ ...admission, ...onCilium })),
    targets: all,
    order: 'parallel',
    risk: 'none',
    timeoutMs: minutes(2),
  }
  return { admitCanary, admitOthers, endAdmission }
}
