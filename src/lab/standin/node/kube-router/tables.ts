import { ruleId, temporarySet } from './names.ts'
import type { IpSet, KubeRouterState } from './rules.ts'

const nodePorts = '30000:32767'
const builtins = ['INPUT', 'FORWARD', 'OUTPUT'] as const
const explicitAccept =
  '-m comment --comment "KUBE-ROUTER rule to explicitly ACCEPT traffic that comply to network policies" -m mark --mark 0x20000/0x20000 -j ACCEPT'

/** A rule that kube-router wants at one place of a chain, found again by the id in its comment. */
export interface PlacedRule {
  chain: string
  position: number
  id: string
  spec: string[]
}

/** The jumps from the built-in chains and the RETURNs at the head of KUBE-ROUTER-INPUT, each at its place. */
export function placedRules(serviceCidr: string): PlacedRule[] {
  const placed = (chain: string, position: number, spec: string[]): PlacedRule => {
    const id = ruleId(chain, spec)
    const at = spec.indexOf('--comment') + 1
    return { chain, position, id, spec: spec.with(at, `${spec[at]} - ${id}`) }
  }
  const ports = (protocol: string): string[] => [
    ...['-p', protocol, '-m', 'comment', '--comment', `allow LOCAL ${protocol.toUpperCase()} traffic to node ports`],
    ...['-m', 'addrtype', '--dst-type', 'LOCAL', '-m', 'multiport', '--dports', nodePorts, '-j', 'RETURN'],
  ]
  return [
    ...builtins.map((builtin) =>
      placed(builtin, 1, ['-m', 'comment', '--comment', 'kube-router netpol', '-j', `KUBE-ROUTER-${builtin}`]),
    ),
    placed('KUBE-ROUTER-INPUT', 1, [
      ...['-m', 'comment', '--comment', 'allow traffic to primary/secondary cluster IP range'],
      ...['-d', serviceCidr, '-j', 'RETURN'],
    ]),
    placed('KUBE-ROUTER-INPUT', 2, ports('tcp')),
    placed('KUBE-ROUTER-INPUT', 3, ports('udp')),
  ]
}

/** Rules of the two chains every pod's traffic goes through, as arguments after `-A CHAIN`. */
export const commonRules: readonly { chain: string; spec: string[] }[] = [
  {
    chain: 'KUBE-NWPLCY-DEFAULT',
    comment: 'rule to mark traffic matching a network policy',
    rest: '-j MARK --set-xmark 0x10000/0x10000',
  },
  {
    chain: 'KUBE-NWPLCY-COMMON',
    comment: 'rule to drop invalid state for pod',
    rest: '-m conntrack --ctstate INVALID -j DROP',
  },
  {
    chain: 'KUBE-NWPLCY-COMMON',
    comment: 'rule for stateful firewall for pod',
    rest: '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  },
  {
    chain: 'KUBE-NWPLCY-COMMON',
    comment: 'allow icmp echo requests',
    rest: '-p icmp --icmp-type echo-request -j ACCEPT',
  },
  {
    chain: 'KUBE-NWPLCY-COMMON',
    comment: 'allow icmp destination unreachable messages',
    rest: '-p icmp --icmp-type destination-unreachable -j ACCEPT',
  },
  {
    chain: 'KUBE-NWPLCY-COMMON',
    comment: 'allow icmp time exceeded messages',
    rest: '-p icmp --icmp-type time-exceeded -j ACCEPT',
  },
].map(({ chain, comment, rest }) => ({ chain, spec: ['-m', 'comment', '--comment', comment, ...rest.split(' ')] }))

const kept = /^:?(?:-A )?KUBE-NWPLCY-(?:DEFAULT|COMMON)\b/

/**
 * The whole filter table as kube-router restores it: what was saved, its own stale chains and every rule that names one
 * taken out by text, the new ones put in, the explicit ACCEPT after the last rule with KUBE in each built-in chain.
 * `withoutPolicyRules` is the moment in which the policies' chains are linked and empty. KUBE-NWPLCY-DEFAULT is not among
 * those that are made anew: a pod that no policy selects does not notice, as in the report that this is a model of.
 */
export function editFilterTable(saved: string, state: KubeRouterState, withoutPolicyRules = false): string {
  const stale = /KUBE-(?:POD-FW|NWPLCY)-/
  const lines = saved.split('\n').filter((line) => line !== '' && !line.startsWith('#') && line !== 'COMMIT')
  const foreign = lines.filter((line) => kept.test(line) || !stale.test(line))
  const own = (line: string): boolean => line.startsWith(':')
  const chains = [...state.policyChains, ...state.podChains].map((chain) => `:${chain} - [0:0]`)
  const rules = withExplicitAccept(foreign.filter((line) => line.startsWith('-A')))
  return [
    '*filter',
    ...foreign.filter(own),
    ...chains,
    ...rules,
    ...(withoutPolicyRules ? [] : state.policyRules),
    ...state.podRules,
    'COMMIT',
    '',
  ].join('\n')
}

/** One explicit ACCEPT in each built-in chain; a copy that stands too high (kube-proxy appended since) is moved down. */
function withExplicitAccept(rules: readonly string[]): string[] {
  let result = [...rules]
  for (const builtin of builtins) {
    const accept = `-A ${builtin} ${explicitAccept}`
    result = result.filter((rule) => rule !== accept)
    const last = result.findLastIndex((rule) => rule.startsWith(`-A ${builtin} `) && rule.includes('KUBE'))
    const end = result.findLastIndex((rule) => rule.startsWith(`-A ${builtin} `))
    result.splice((last < 0 ? end : last) + 1, 0, accept)
  }
  return result
}

/** ipset-restore input: each set is filled beside the live one and swapped in, so that it is never half full. */
export function ipsetRestore(sets: readonly IpSet[]): string {
  const options = (set: IpSet): string => `${set.type} family inet hashsize 1024 maxelem 65536 timeout 0`
  const lines: string[] = []
  const temporary = new Set<string>()
  for (const set of sets) {
    const name = temporarySet(options(set))
    if (!temporary.has(name)) lines.push(`create ${name} ${options(set)} -exist`)
    temporary.add(name)
    lines.push(
      `create ${set.name} ${options(set)} -exist`,
      ...[...new Set(set.entries)].map((entry) => {
        const [address, nomatch] = entry.split(' ')
        return `add ${name} ${address} timeout 0${nomatch === undefined ? '' : ' nomatch'}`
      }),
      `swap ${name} ${set.name}`,
      `flush ${name}`,
    )
  }
  return [...lines, ...[...temporary].map((name) => `destroy ${name}`), ''].join('\n')
}
