import { expect, test } from 'vitest'
import { objectPath } from '../../src/kube/object-path.ts'

test.each([
  [{ apiVersion: 'v1', plural: 'namespaces', namespace: null, name: 'a' }, '/api/v1/namespaces/a'],
  [{ apiVersion: 'v1', plural: 'pods', namespace: 'a' }, '/api/v1/namespaces/a/pods'],
  [{ apiVersion: 'apps/v1', plural: 'x', namespace: 'a', name: 'b' }, '/apis/apps/v1/namespaces/a/x/b'],
  [{ apiVersion: 'v1', plural: 'pods', namespace: 'a', name: '../b?c' }, '/api/v1/namespaces/a/pods/..%2Fb%3Fc'],
])('%j', (place, path) => {
  expect(objectPath(place)).toBe(path)
})
