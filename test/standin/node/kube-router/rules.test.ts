import { describe, expect, test } from 'vitest'
import { targetSet } from '../../../../src/lab/standin/node/kube-router/names.ts'
import { actionablePods, resolvePolicies } from '../../../../src/lab/standin/node/kube-router/policies.ts'
import { type KubeRouterState, kubeRouterState } from '../../../../src/lab/standin/node/kube-router/rules.ts'
import { recordedObjects, recordedRules, recordedSets } from '../recording.ts'

const node = '10.99.0.12'

function state(version = '1'): KubeRouterState {
  const pods = actionablePods(recordedObjects('A-running/kube/pods.yaml'))
  const policies = resolvePolicies(
    recordedObjects('A-running/kube/netpol.yaml'),
    pods,
    recordedObjects('A-running/kube/ns.yaml'),
  )
  return kubeRouterState(
    policies,
    pods.filter((pod) => pod.hostIp === node),
    version,
  )
}

/** Chains are another at every sync and sets are named by hash: chains become X, sets what is in them. */
function normalize(rules: readonly string[], members: (set: string) => string): string[] {
  return rules
    .map((rule) =>
      rule
        .replace(/KUBE-(POD-FW|NWPLCY)-[A-Z2-7]{16}/g, 'KUBE-$1-X')
        .replace(/KUBE-(?:SRC|DST)-[A-Z2-7]{16}/g, (set) => `{${members(set)}}`),
    )
    .sort()
}

const real = recordedRules('A-running/k2/iptables-save-c.txt')
const realSets = recordedSets('A-running/k2/ipset-save.txt')
const realMembers = (set: string): string => (realSets.get(set)?.members ?? []).toSorted().join(' ')

describe('against the rules a real kube-router made from the same pods, policies and namespaces', () => {
  const own = state()
  const ownMembers = (name: string): string =>
    // ipset prints a /32 without its length.
    [...new Set(own.sets.find((set) => set.name === name)?.entries ?? [])]
      .map((entry) => entry.replace('/32', ''))
      .sort()
      .join(' ')

  test('every policy rule is the same, sets compared by what is in them', () => {
    // v2.6 logs in each policy chain; the recorded version did not.
    const rules = own.policyRules.filter((rule) => !rule.includes('-j NFLOG'))
    const recorded = real.filter((rule) => /^-A KUBE-NWPLCY-(?!DEFAULT)/.test(rule))
    expect(recorded.length).toBeGreaterThan(100)
    expect(normalize(rules, ownMembers)).toEqual(normalize(recorded, realMembers))
  })

  test('the sets are the same in number, type and members', () => {
    const shape = (sets: { type: string; members: string }[]): string[] =>
      sets.map((set) => `${set.type} ${set.members}`).sort()
    const recorded = [...realSets].map(([name, set]) => ({ type: set.type, members: realMembers(name) }))
    expect(recorded.length).toBe(129)
    expect(shape(own.sets.map((set) => ({ type: set.type, members: ownMembers(set.name) })))).toEqual(shape(recorded))
  })

  test('the pods of the node are jumped to and from in the same seven ways', () => {
    const jump = (rule: string): boolean => /^-A KUBE-ROUTER-\w+ .*POD name:/.test(rule)
    expect(normalize(own.podRules.filter(jump), ownMembers)).toEqual(normalize(real.filter(jump), realMembers))
  })

  test('each pod runs through the same policies', () => {
    const through = (rule: string): boolean => rule.includes('run through nw policy')
    expect(normalize(own.podRules.filter(through), ownMembers)).toEqual(normalize(real.filter(through), realMembers))
  })
})

describe('a pod chain of v2.6', () => {
  test('goes through COMMON, the local node, the defaults, the policies, log, REJECT and the marks, in this order', () => {
    const own = state()
    const chain = own.podChains[0] ?? ''
    const targets = own.podRules
      .filter((rule) => rule.startsWith(`-A ${chain} `))
      .map((rule) => rule.replace(/^.* -j (\S+).*$/, '$1').replace(/-[A-Z2-7]{16}$/, ''))
    expect(targets[0]).toBe('KUBE-NWPLCY-COMMON')
    expect(targets[1]).toBe('ACCEPT')
    expect(targets.slice(-4)).toEqual(['NFLOG', 'REJECT', 'MARK', 'MARK'])
    expect(targets.slice(2, -4).every((target) => target.startsWith('KUBE-NWPLCY'))).toBe(true)
  })

  test('is renamed at each sync, and the sets are not', () => {
    const [one, two] = [state('1'), state('2')]
    expect(one.podChains.some((chain) => two.podChains.includes(chain))).toBe(false)
    expect(one.policyChains.some((chain) => two.policyChains.includes(chain))).toBe(false)
    expect(one.sets).toEqual(two.sets)
  })
})

test('a set name is 16 base32 digits of a hash of namespace, policy and family', () => {
  // From the generator that models kube-router v2.6.3: sha256("d" + "allow-a" + "IPv4").
  expect(targetSet('d', 'allow-a', 'ingress')).toBe('KUBE-DST-VW3TFMNPKVGPSFSG')
})
