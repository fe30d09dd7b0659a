import { describe, expect, it } from 'vitest'
import type { Endpoint } from '../../../../src/lab/standin/cilium/identity.ts'
import { verdict } from '../../../../src/lab/standin/cilium/policy/rules.ts'
import type { ApiObject } from '../../../../src/lab/standin/context.ts'

const endpoint = (namespace: string, name: string, address: string, labels: Record<string, string>): Endpoint => ({
  namespace,
  name,
  address,
  labels,
  namespaceLabels: { 'kubernetes.io/metadata.name': namespace, team: namespace },
  namedPorts: [{ name: 'web', port: 8080, protocol: 'TCP' }],
})

const web = endpoint('shop', 'web', '10.52.1.5', { app: 'web' })
const client = endpoint('shop', 'cli', '10.52.2.6', { app: 'cli' })
const stranger = endpoint('pay', 'cli', '10.52.2.7', { app: 'cli' })
const all = [web, client, stranger]

const policy = (spec: object): ApiObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'p', namespace: 'shop' },
  spec,
})

const onWeb = { podSelector: { matchLabels: { app: 'web' } } }
const ingress = (spec: object) => verdict(web, [policy({ ...onWeb, ...spec })], all, 'default').ingress

describe('verdict', () => {
  it('enforces nothing on a pod that no policy selects, on nobody with `never`, on everybody with `always`', () => {
    const other = [policy({ podSelector: { matchLabels: { app: 'other' } }, ingress: [] })]
    expect(verdict(web, other, all, 'default')).toEqual({ ingress: null, egress: null })
    expect(verdict(web, [policy({ ...onWeb, ingress: [] })], all, 'never')).toEqual({ ingress: null, egress: null })
    expect(verdict(web, [], all, 'always')).toEqual({ ingress: [], egress: [] })
  })

  it('enforces a direction by policyTypes, and egress only when it is named or there', () => {
    expect(verdict(web, [policy(onWeb)], all, 'default')).toEqual({ ingress: [], egress: null })
    expect(verdict(web, [policy({ ...onWeb, policyTypes: ['Egress'] })], all, 'default')).toEqual({
      ingress: null,
      egress: [],
    })
  })

  it('keeps to its namespace, unless a namespaceSelector says otherwise', () => {
    const cli = { podSelector: { matchLabels: { app: 'cli' } } }
    expect(ingress({ ingress: [{ from: [cli] }] })).toEqual(['ip saddr { 10.52.2.6 } accept'])
    expect(ingress({ ingress: [{ from: [{ ...cli, namespaceSelector: {} }] }] })).toEqual([
      'ip saddr { 10.52.2.6, 10.52.2.7 } accept',
    ])
    expect(ingress({ ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: 'pay' } } }] }] })).toEqual([
      'ip saddr { 10.52.2.7 } accept',
    ])
  })

  it('never matches pods and nodes by an ipBlock', () => {
    const block = { ipBlock: { cidr: '10.0.0.0/8', except: ['10.9.0.0/16'] } }
    expect(ingress({ ingress: [{ from: [block], ports: [{ port: 8080 }] }] })).toEqual([
      'ip saddr 10.0.0.0/8 ip saddr != { 10.9.0.0/16 } ip saddr != @cluster tcp dport 8080 accept',
    ])
  })

  it('takes ports as numbers, ranges, names and bare protocols', () => {
    const ports = [{ port: 'web' }, { port: 53, protocol: 'UDP' }, { port: 80, endPort: 90 }, { protocol: 'SCTP' }]
    expect(ingress({ ingress: [{ ports }] })).toEqual([
      'tcp dport 8080 accept',
      'udp dport 53 accept',
      'tcp dport 80-90 accept',
      'meta l4proto sctp accept',
    ])
  })

  it('resolves a named egress port on each receiver', () => {
    const named = { ...client, namedPorts: [{ name: 'web', port: 9090, protocol: 'TCP' }] }
    const spec = { ...onWeb, egress: [{ to: [{ podSelector: {} }], ports: [{ port: 'web' }] }] }
    expect(verdict(web, [policy(spec)], [web, named], 'default').egress).toEqual([
      'ip daddr 10.52.1.5 tcp dport 8080 accept',
      'ip daddr 10.52.2.6 tcp dport 9090 accept',
    ])
  })

  it('allows everything by an empty rule, nothing by a selector without pods', () => {
    expect(ingress({ ingress: [{}] })).toEqual(['accept'])
    expect(ingress({ ingress: [{ from: [{ podSelector: { matchLabels: { app: 'none' } } }] }] })).toEqual([])
  })
})
