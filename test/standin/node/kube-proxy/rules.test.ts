import { describe, expect, test } from 'vitest'
import type { ApiObject } from '../../../../src/lab/standin/context.ts'
import { filterInput, natInput } from '../../../../src/lab/standin/node/kube-proxy/rules.ts'
import { servicePorts } from '../../../../src/lab/standin/node/kube-proxy/services.ts'
import { recordedObjects, recordedRules } from '../recording.ts'

const dump = 'A-running/k2/iptables-save-c.txt'
const real = recordedRules(dump)

/** EndpointSlices as the recorded DNAT rules say them. */
function slices(): ApiObject[] {
  const byService = new Map<string, string[]>()
  for (const rule of real) {
    const match = rule.match(/^-A KUBE-SEP-\S+ -p tcp -m comment --comment "([^"]+)".*--to-destination (\S+)$/)
    if (match !== null) byService.set(match[1] ?? '', [...(byService.get(match[1] ?? '') ?? []), match[2] ?? ''])
  }
  return [...byService].map(([service, endpoints]) => {
    const [namespace = '', rest = ''] = service.split('/')
    const [name = '', port] = rest.split(':')
    return {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name, namespace, labels: { 'kubernetes.io/service-name': name } },
      ports: [
        { ...(port === undefined ? {} : { name: port }), protocol: 'TCP', port: Number(endpoints[0]?.split(':')[1]) },
      ],
      endpoints: endpoints.map((endpoint) => ({ addresses: [endpoint.split(':')[0]], conditions: { ready: true } })),
    }
  })
}

const ports = servicePorts(recordedObjects('A-running/kube/svc.yaml'), slices())
const own = natInput(ports, '10.42.0.0/16', '').split('\n')

describe('against the chains a real kube-proxy made from the same services', () => {
  test('services and endpoints have the same chain names', () => {
    const chains = (rules: readonly string[]): string[] =>
      [...new Set(rules.flatMap((rule) => rule.match(/KUBE-(?:SVC|SEP)-[A-Z2-7]{16}/g) ?? []))].sort()
    expect(chains(real).length).toBeGreaterThan(15)
    expect(chains(own)).toEqual(chains(real))
  })

  test('endpoint chains are the same rule for rule', () => {
    const endpoint = (rules: readonly string[]): string[] =>
      rules.filter((rule) => rule.startsWith('-A KUBE-SEP-')).sort()
    expect(endpoint(own)).toEqual(endpoint(real))
  })

  test('a service is reached by the same match, and spread with the same probabilities', () => {
    const entry = (rules: readonly string[]): string[] =>
      rules.filter((rule) => /^-A KUBE-SERVICES -d .*-j KUBE-SVC/.test(rule)).sort()
    expect(entry(own)).toEqual(entry(real))
    const shares = (rules: readonly string[]): string[] =>
      rules.flatMap((rule) => rule.match(/--probability (\d\.\d{8})/)?.[1] ?? []).sort()
    expect(shares(own)).toEqual(shares(real))
  })

  test('masquerading is the same', () => {
    const postrouting = (rules: readonly string[]): string[] =>
      rules.filter((rule) => rule.startsWith('-A KUBE-POSTROUTING'))
    expect(postrouting(own)).toEqual(postrouting(real))
  })
})

test('a service without endpoints is refused, one that is gone loses its chains', () => {
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'shop' } }
  const empty = servicePorts([{ ...service, spec: { clusterIP: '10.43.0.9', ports: [{ port: 80 }] } }], [])
  expect(filterInput(empty, '')).toContain(
    '-A KUBE-SERVICES -d 10.43.0.9/32 -p tcp -m comment --comment "shop/web has no endpoints" -m tcp --dport 80 -j REJECT',
  )
  const nat = natInput(empty, '10.42.0.0/16', ':KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]\n')
  expect(nat).toContain(':KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]')
  expect(nat).toContain('-X KUBE-SVC-AAAAAAAAAAAAAAAA')
})

test('jumps that stand are not made twice', () => {
  const once = filterInput([], '')
  const standing = once
    .split('\n')
    .filter((line) => line.startsWith('-I'))
    .map((line) => line.replace(/^-I (\S+) 1/, '-A $1'))
  expect(standing.length).toBe(11)
  expect(filterInput([], standing.join('\n'))).not.toContain('-I ')
})
