import { expect, test } from 'vitest'
import { selects } from '../../../src/lab/standin/node/selectors.ts'

const labels = { app: 'web', team: 'shop' }
const expression = (key: string, operator: string, values?: string[]) => ({
  matchExpressions: [values === undefined ? { key, operator } : { key, operator, values }],
})

test.each([
  [{}, true],
  [{ matchLabels: { app: 'web' } }, true],
  [{ matchLabels: { app: 'web', team: 'pay' } }, false],
  [expression('team', 'In', ['pay', 'shop']), true],
  [expression('team', 'In', ['pay']), false],
  [expression('tier', 'NotIn', ['x']), true],
  [expression('app', 'NotIn', ['web']), false],
  [expression('app', 'Exists'), true],
  [expression('tier', 'Exists'), false],
  [expression('tier', 'DoesNotExist'), true],
  [expression('app', 'Like', ['w']), false],
])('%j: %s', (selector, expected) => {
  expect(selects(selector, labels)).toBe(expected)
})
