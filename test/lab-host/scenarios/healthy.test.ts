import { expect, test } from 'vitest'
import { imagesOf } from '../../../src/lab/images.ts'
import { healthy } from '../../../src/lab/scenarios/healthy.ts'

const nodes = ['s1', 's2', 's3', 'a1']

test('about a dozen pods in four namespaces, with sixty policies', () => {
  const { objects, pods } = healthy.workload(nodes, imagesOf())
  const count = (kind: string) => objects.filter((object) => object.kind === kind).length
  expect(pods).toBe(12)
  expect(count('NetworkPolicy')).toBe(60)
  expect(count('Namespace')).toBe(4)
})

test('a real K3s gets the busybox of its own archives and keeps its own DNS', () => {
  const images = imagesOf(['docker.io/rancher/mirrored-pause:3.6', 'docker.io/rancher/mirrored-library-busybox:1.37.0'])
  expect(images.server.image).toBe('docker.io/rancher/mirrored-library-busybox:1.37.0')
  expect(images.server.command).toBeDefined()
  const { objects, pods } = healthy.workload(nodes, images)
  expect(pods).toBe(11)
  expect(objects.filter((object) => object.metadata.name === 'coredns')).toEqual([])
  expect(() => imagesOf(['docker.io/rancher/mirrored-pause:3.6'])).toThrow(/busybox/)
})
