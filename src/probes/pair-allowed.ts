import type { Facts } from '../facts/facts.ts'
import { backendsOf, nodeEnd, unanimous } from './matrix-candidates.ts'
import { type Pair, podName, withoutQuestion } from './pairs.ts'
import { type End, type Enforcer, policyVerdict } from './policy-verdict.ts'

/**
 * What NetworkPolicies say of a pair, by its name: true, false, or null where they cannot be asked (an end that is not here,
 * an address outside, a Service whose backends they judge differently).
 */
export function pairAllowed(
  facts: Facts,
  { from, to, port }: Pick<Pair, 'from' | 'to' | 'port'>,
  enforcer: Enforcer,
): boolean | null {
  const source = sourceOf(facts, from)
  if (source === null) return null
  const ends = destinations(facts, to, port)
  const protocol = to.startsWith('dns:') ? 'UDP' : 'TCP'
  return unanimous(
    ends.map((one) => policyVerdict(facts.kube, { from: source, to: one.end, port: one.port, protocol }, enforcer)),
  ).allowed
}

/** All ends of a pair: who asks, and who may answer; null where one is not known here. */
export function endsOf(facts: Facts, { from, to, port }: Pick<Pair, 'from' | 'to' | 'port'>): End[] | null {
  const source = sourceOf(facts, from)
  const ends = destinations(facts, to, port).map(({ end }) => end)
  return source === null || ends.length === 0 ? null : [source, ...ends]
}

const sourceOf = (facts: Facts, from: string): End | null =>
  from.startsWith('node:') ? nodeEnd(from.slice('node:'.length), facts) : podEnd(facts, from)

function podEnd(facts: Facts, name: string): End | null {
  const pod = facts.kube.pods.find((one) => podName(one) === name)
  return pod ? { kind: 'pod', pod } : null
}

function destinations(facts: Facts, to: string, port: number) {
  const [, scheme, name = ''] = /^(service|dns):(.*)$/.exec(withoutQuestion(to)) ?? []
  if (scheme === undefined) {
    const end = podEnd(facts, to)
    return end ? [{ end, port }] : []
  }
  const service = facts.kube.services.find((one) => podName(one) === name)
  const protocol = scheme === 'dns' ? 'UDP' : 'TCP'
  const servicePort = service?.ports.find((one) => one.port === port && one.protocol === protocol)
  return service && servicePort ? backendsOf(service, servicePort, facts) : []
}
