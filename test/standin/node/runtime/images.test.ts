import { expect, test } from 'vitest'
import { normalizeImage, repositoryOf } from '../../../../src/lab/standin/node/runtime/images.ts'

test.each([
  ['busybox', 'docker.io/library/busybox:latest', 'busybox'],
  ['busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox'],
  ['rancher/klipper-helm:v0.9.3', 'docker.io/rancher/klipper-helm:v0.9.3', 'rancher/klipper-helm'],
  ['quay.io/cilium/cilium:v1.17.6', 'quay.io/cilium/cilium:v1.17.6', 'quay.io/cilium/cilium'],
  ['quay.io/cilium/cilium:v1@sha256:ab', 'quay.io/cilium/cilium:v1@sha256:ab', 'quay.io/cilium/cilium'],
  ['localhost:5000/a/b', 'localhost:5000/a/b:latest', 'localhost:5000/a/b'],
])('%s is %s of %s', (reference, full, repository) => {
  expect(normalizeImage(reference)).toBe(full)
  expect(repositoryOf(reference)).toBe(repository)
})
