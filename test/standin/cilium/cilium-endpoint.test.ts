import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { ciliumEndpoint } from '../../../src/lab/standin/cilium/cilium-endpoint.ts'
import { viewOf } from '../../../src/lab/standin/cilium/cilium-node.ts'
import { endpointFromObject, identityLabels } from '../../../src/lab/standin/cilium/identity.ts'
import type { ApiObject } from '../../../src/lab/standin/context.ts'

const read = (name: string) => parse(readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8')) as ApiObject
const recorded = read('cilium-endpoint.yaml')

const pod: ApiObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'cli-896c755b-knzns',
    namespace: 'data',
    uid: 'b953ef2c-b351-450b-aaf0-b360e68d0501',
    labels: { app: 'cli', 'pod-template-hash': '896c755b', role: 'client' },
  },
  spec: {},
}

describe('ciliumEndpoint', () => {
  it('is the object of a real cluster for the same pod', () => {
    const own = ciliumEndpoint({
      endpoint: {
        id: 326,
        containerId: '66b84baaabaa2fd47b0d2eec0fd5dd657cbd8c80d808f2ed9eb1a71686c1e689',
        namespace: 'data',
        pod: pod.metadata.name,
        podUid: pod.metadata.uid ?? null,
        netns: '/run/netns/x',
        link: 'lxc000000000000',
        linkMac: '',
        podMac: '',
        address: '10.52.0.232',
        labels: identityLabels(pod, { 'kubernetes.io/metadata.name': 'data', team: 'data' }),
        identity: 19942,
        podLabels: pod.metadata.labels ?? {},
        namedPorts: [{ name: 'web', port: 8080, protocol: 'TCP' }],
      },
      verdict: { ingress: null, egress: null },
      nodeIp: '10.98.0.11',
    })
    const { creationTimestamp, generation, resourceVersion, uid, ...metadata } = recorded.metadata
    expect(own).toEqual({ ...recorded, metadata })
  })

  it('is read back as what policies need', () => {
    expect(endpointFromObject(recorded)).toEqual({
      namespace: 'data',
      name: 'cli-896c755b-knzns',
      address: '10.52.0.232',
      labels: { app: 'cli', role: 'client' },
      namespaceLabels: { 'kubernetes.io/metadata.name': 'data', team: 'data' },
      namedPorts: [{ name: 'web', port: 8080, protocol: 'TCP' }],
    })
  })

  it('is nothing to a policy before it has an identity', () => {
    expect(endpointFromObject({ ...recorded, status: {} })).toBeNull()
  })
})

it('reads a real CiliumNode', () => {
  expect(viewOf(read('cilium-node.yaml'))).toEqual({
    name: 'c1',
    podCidr: '10.52.0.0/24',
    internalIp: '10.98.0.11',
    routerIp: '10.52.0.184',
  })
})
