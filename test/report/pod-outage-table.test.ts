import { expect, test } from 'vitest'
import { podOutageTable } from '../../src/report/pod-outage-table.ts'

const away = (pod: string, totalMs: number) => ({ pod, totalMs, longestMs: totalMs, failedAttempts: 3, isBack: true })

test('the longest are listed, the others counted', () => {
  const pods = [
    { ...away('shop/b', 4_000), isBack: false },
    away('shop/a', 2_500),
    away('shop/c', 500),
    away('shop/d', 0),
  ]
  expect(podOutageTable(pods, 100, 2)).toEqual([
    'pod     not reached for  longest  failed attempts',
    'shop/b  4 s              4 s      3                not back',
    'shop/a  2.5 s            2.5 s    3',
    'and 1 more, none longer',
    '1 of 4 pods were reached all the while',
  ])
})

test('nothing lost is said, nothing measured is not', () => {
  expect(podOutageTable([away('shop/a', 0)], 100)).toEqual(['1 of 1 pods were reached all the while'])
  expect(podOutageTable([], 100)).toEqual([])
})
