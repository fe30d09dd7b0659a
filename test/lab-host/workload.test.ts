import ipaddr from 'ipaddr.js'
import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { imagesOf, workload } from '../../src/lab/workload.ts'

const manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.object({ name: z.string(), namespace: z.string().optional() }),
})
const objectsOf = (text: string) => parseAllDocuments(text).map((document) => manifest.parse(document.toJS()))

test('about a dozen pods in four namespaces, with sixty policies, as valid YAML without aliases', () => {
  const { manifest: text, pods, summary } = workload(imagesOf(), 4)
  const objects = objectsOf(text)
  const count = (kind: string) => objects.filter((object) => object.kind === kind).length
  expect(pods).toBe(12)
  expect(count('NetworkPolicy')).toBe(60)
  expect(count('Namespace')).toBe(4)
  expect(summary).toContain('60 NetworkPolicies')
  const keys = objects.map((object) => `${object.kind} ${object.metadata.namespace} ${object.metadata.name}`)
  expect(new Set(keys).size).toBe(keys.length)
  // A namespace must be there before what is in it.
  const lastNamespace = objects.findLastIndex((object) => object.kind === 'Namespace')
  expect(objects.findIndex((object) => object.metadata.namespace === 'shop')).toBeGreaterThan(lastNamespace)
})

test('no ipBlock admits a pod or a node: with Cilium it would stop doing so', () => {
  const blocks = z.object({ cidr: z.string(), except: z.array(z.string()).default([]) })
  const found: z.infer<typeof blocks>[] = []
  JSON.stringify(objectsOf(workload(imagesOf(), 4).manifest), (key, value) => {
    if (key === 'ipBlock') found.push(blocks.parse(value))
    return value
  })
  expect(found.length).toBeGreaterThan(0)
  const holds = (cidr: string, address: string) => ipaddr.parse(address).match(ipaddr.parseCIDR(cidr))
  for (const { cidr, except } of found) {
    for (const address of ['10.42.0.5', '10.52.0.5', '192.168.77.11']) {
      expect(holds(cidr, address) && !except.some((hole) => holds(hole, address))).toBe(false)
    }
  }
})

test('a real K3s gets the busybox of its own archives and keeps its own DNS', () => {
  const images = imagesOf(['docker.io/rancher/mirrored-pause:3.6', 'docker.io/rancher/mirrored-library-busybox:1.37.0'])
  expect(images.server.image).toBe('docker.io/rancher/mirrored-library-busybox:1.37.0')
  expect(images.server.command).toBeDefined()
  const { manifest: text, pods } = workload(images, 4)
  expect(pods).toBe(11)
  expect(text).not.toContain('coredns')
  expect(() => imagesOf(['docker.io/rancher/mirrored-pause:3.6'])).toThrow(/busybox/)
})
