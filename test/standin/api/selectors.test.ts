import { describe, expect, it } from 'vitest'
import { matchesSelector, parseSelectors } from '../../../src/lab/standin/api/selectors.ts'
import type { ApiObject } from '../../../src/lab/standin/context.ts'

const pod: ApiObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'a', namespace: 'n', labels: { app: 'web', tier: 'front' } },
  spec: { nodeName: 's1' },
  status: { phase: 'Running' },
}

describe('parseSelectors', () => {
  it.each([
    ['app=web', true],
    ['app==web,tier=front', true],
    ['app=web,tier=back', false],
    ['app!=web', false],
    ['other!=web', true],
    ['app in (web, cli),tier', true],
    ['app notin (web)', false],
    ['!app', false],
    ['!other', true],
  ])('labels %s', (selector, expected) => {
    expect(parseSelectors(selector, null)(pod)).toBe(expected)
  })
  it.each([
    ['metadata.name=a,spec.nodeName=s1', true],
    ['spec.nodeName!=s1', false],
    ['spec.nodeName=', false],
    ['status.phase=Running', true],
  ])('fields %s', (selector, expected) => {
    expect(parseSelectors(null, selector)(pod)).toBe(expected)
  })
  it('refuses what it does not know, as the API server does', () => {
    expect(() => parseSelectors(null, 'status.podIP=1')).toThrow('field label not supported: status.podIP')
    expect(() => parseSelectors('a b c', null)).toThrow('unable to parse requirement')
  })
})

it('an absent LabelSelector matches nothing, an empty one everything', () => {
  expect(matchesSelector(undefined, { app: 'web' })).toBe(false)
  expect(matchesSelector({}, { app: 'web' })).toBe(true)
  expect(
    matchesSelector({ matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] }, { app: 'web' }),
  ).toBe(false)
})
