import type { Finding } from '../../engine/model.ts'
import type { Tried } from '../../probes/probe-state.ts'
import { shownList } from './shown-list.ts'

const pairOf = ({ from, to, port }: Tried) => `${from} -> ${to}:${port}`
const connects = ({ outcomes }: Tried) => outcomes.at(-1) === 'ok'
const isMeasured = ({ outcomes }: Tried) => outcomes.every((one) => one !== 'no-netns' && one !== 'other')

/**
 * What the NetworkPolicies say is what happens: nobody gets in whom they forbid, everybody whom they allow.
 * @param otherPolicies policies of Cilium's own kinds: they decide too, and are not read here
 */
export function policiesEnforced(tried: readonly Tried[], otherPolicies: number): Finding[] {
  if (otherPolicies > 0) {
    return [
      {
        level: 'unknown',
        title: 'policies do what they say',
        detail: `there are ${otherPolicies} policies of Cilium's own kinds, which are not read: what must connect cannot be told`,
      },
    ]
  }
  const measured = tried.filter(isMeasured)
  const of = (allowed: boolean) => measured.filter((one) => one.allowed === allowed)
  const open = of(false).filter(connects)
  const shut = of(true).filter((one) => !connects(one))
  const narrower = of(false).filter((one) => one.allowedBefore && !connects(one))
  return [
    holes(open, of(false).length),
    lost(shut, of(true).length),
    ...(narrower.length === 0
      ? []
      : [
          {
            level: 'warns' as const,
            title: 'policies mean what they meant to kube-router',
            detail: `${narrower.length} pairs were allowed by kube-router's reading and are denied by Cilium's: ${shownList(narrower.map(pairOf))}`,
            fix: 'replace an ipBlock that was meant for pods or nodes by selectors, or by a CiliumNetworkPolicy with entities (cilium.md §6)',
          },
        ]),
  ]
}

function holes(open: readonly Tried[], denied: number): Finding {
  const title = 'what policies forbid does not connect'
  if (open.length === 0) {
    return denied === 0
      ? { level: 'fine', title, detail: 'no policy forbids any pair that could be tried' }
      : { level: 'fine', title, detail: `${denied} pairs that policies deny were tried: none connects` }
  }
  return {
    level: 'blocks',
    title,
    detail: `not enforced: ${open.length} of ${denied} denied pairs connect: ${shownList(open.map(pairOf))}`,
    fix: "look at the endpoints of these pods (cilium-dbg endpoint list: policy enforcement) and at enable-policy of cilium-config; delete the pod, or restart the node's agent",
  }
}

function lost(shut: readonly Tried[], allowed: number): Finding {
  const title = 'what policies allow connects'
  if (shut.length === 0) return { level: 'fine', title, detail: `${allowed} allowed pairs were tried: all connect` }
  return {
    level: 'blocks',
    title,
    detail: `enforced too much: ${shut.length} of ${allowed} allowed pairs do not connect in ${shut[0]?.outcomes.length} attempts: ${shownList(
      shut.map((one) => `${pairOf(one)} (${one.outcomes.at(-1)})`),
    )}`,
    fix: "watch what is dropped (cilium-dbg monitor --type drop on the pod's node); where all of a node's pods are concerned, look at its tunnel",
  }
}
