import { expect, it } from 'vitest'
import { parseRequestPath } from '../../../src/lab/standin/api/request-path.ts'

it.each([
  ['/api/v1/pods', { group: '', version: 'v1', plural: 'pods' }],
  ['/api/v1/namespaces', { group: '', version: 'v1', plural: 'namespaces' }],
  ['/api/v1/namespaces/a', { group: '', version: 'v1', plural: 'namespaces', name: 'a' }],
  ['/api/v1/namespaces/a/status', { group: '', version: 'v1', plural: 'namespaces', name: 'a', subresource: 'status' }],
  ['/api/v1/namespaces/a/pods', { group: '', version: 'v1', plural: 'pods', namespace: 'a' }],
  [
    '/api/v1/namespaces/a/pods/p/log',
    { group: '', version: 'v1', plural: 'pods', namespace: 'a', name: 'p', subresource: 'log' },
  ],
  [
    '/apis/apps/v1/namespaces/a/deployments/d',
    { group: 'apps', version: 'v1', plural: 'deployments', namespace: 'a', name: 'd' },
  ],
  ['/apis/cilium.io/v2/ciliumnodes/n', { group: 'cilium.io', version: 'v2', plural: 'ciliumnodes', name: 'n' }],
  ['/apis/apps/v1', undefined],
  ['/other', undefined],
])('%s', (path, expected) => {
  expect(parseRequestPath(path)).toEqual(expected)
})
