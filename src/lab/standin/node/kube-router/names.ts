import { createHash } from 'node:crypto'
import { base32 } from '../base32.ts'

/** kube-router's names (facts: K3s sheet 4.3). Chains carry the sync's version, sets do not. */
function short(algorithm: 'sha256' | 'sha1', text: string): string {
  return base32(createHash(algorithm).update(text).digest(), 16)
}

export type Direction = 'ingress' | 'egress'

export const podChain = (namespace: string, pod: string, version: string): string =>
  `KUBE-POD-FW-${short('sha256', namespace + pod + version)}`

export const policyChain = (namespace: string, policy: string, version: string): string =>
  `KUBE-NWPLCY-${short('sha256', `${namespace + policy + version}IPv4`)}`

/** The pods a policy selects: destinations of its ingress rules, sources of its egress rules. */
export const targetSet = (namespace: string, policy: string, direction: Direction): string =>
  `KUBE-${direction === 'ingress' ? 'DST' : 'SRC'}-${short('sha256', `${namespace + policy}IPv4`)}`

export const peerSet = (
  namespace: string,
  policy: string,
  direction: Direction,
  rule: number,
  kind: 'pod' | 'ipblock',
): string =>
  `KUBE-${direction === 'ingress' ? 'SRC' : 'DST'}-${short('sha256', `${namespace + policy + direction}rule${rule}IPv4${kind}`)}`

export const namedPortSet = (
  namespace: string,
  policy: string,
  direction: Direction,
  rule: number,
  port: number,
): string => `KUBE-DST-${short('sha256', `${namespace + policy + direction}rule${rule}${port}IPv4namedport`)}`

export const temporarySet = (options: string): string => `TMP-${short('sha1', options)}`

/** The mark in the comment of a rule that kube-router keeps at a fixed place: a hash of the rule without it. */
export const ruleId = (chain: string, spec: readonly string[]): string => short('sha256', chain + spec.join(''))
