import { expect, test } from 'vitest'
import { policiesEnforced } from '../../../src/operations/checks/policies-enforced.ts'
import { tried } from './state.ts'

const allowed = tried('shop/cli', 'shop/web', true, ['ok'])
const denied = tried('pay/cli', 'shop/web', false, ['timeout'])
const levels = (...list: Parameters<typeof policiesEnforced>) => policiesEnforced(...list).map(({ level }) => level)

test('what is allowed connects, what is denied does not: fine, with the number that was tried', () => {
  expect(policiesEnforced([allowed, denied], 0)).toEqual([
    expect.objectContaining({ level: 'fine', detail: '1 pairs that policies deny were tried: none connects' }),
    expect.objectContaining({ level: 'fine', detail: '1 allowed pairs were tried: all connect' }),
  ])
  expect(policiesEnforced([], 0)[0]?.detail).toMatch(/no policy forbids any pair/)
})

test('a hole and a pair that is shut out are named', () => {
  const [holes, lost] = policiesEnforced(
    [
      tried('pay/cli', 'shop/web', false, ['ok', 'ok', 'ok']),
      tried('shop/cli', 'shop/web', true, ['timeout', 'timeout', 'timeout']),
      allowed,
    ],
    0,
  )
  expect(holes).toMatchObject({
    level: 'blocks',
    detail: expect.stringMatching(/^not enforced: 1 of 1 .*pay\/cli -> shop\/web:8080/),
  })
  expect(lost).toMatchObject({
    level: 'blocks',
    detail: expect.stringMatching(
      /^enforced too much: 1 of 2 .*in 3 attempts: shop\/cli -> shop\/web:8080 \(timeout\)/,
    ),
  })
})

test('one failure that did not come again is none', () => {
  expect(levels([tried('shop/cli', 'shop/web', true, ['timeout', 'ok'])], 0)).toEqual(['fine', 'fine'])
})

test('an ipBlock that held pods for kube-router and holds none for Cilium: a warning', () => {
  const found = policiesEnforced([tried('pay/cli', 'shop/web', false, ['timeout'], true)], 0)
  expect(found[2]).toMatchObject({ level: 'warns', detail: expect.stringMatching(/allowed by kube-router's reading/) })
})

test("policies of Cilium's own kinds decide too: nothing is said", () => {
  expect(levels([allowed, denied], 2)).toEqual(['unknown'])
})

test('what could not be tried says nothing', () => {
  expect(levels([tried('shop/cli', 'shop/web', true, ['no-netns'])], 0)).toEqual(['fine', 'fine'])
})
