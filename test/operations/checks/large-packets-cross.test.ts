import { expect, test } from 'vitest'
import { largePacketsCross } from '../../../src/operations/checks/large-packets-cross.ts'
import type { LargeResult } from '../../../src/probes/large-packets.ts'

const path = (fromNode: string, toNode: string, ...results: LargeResult[]) => ({
  fromNode,
  toNode,
  results: results.map((result) => ({ from: 'a/x', to: 'b/y', port: 80, result })),
})

test('one that passes is enough; none that does and one that hangs blocks, and the way is named', () => {
  expect(largePacketsCross([path('s1', 's2', 'unknown', 'passed'), path('s2', 's1', 'stuck', 'passed')])).toEqual([
    expect.objectContaining({ level: 'fine', detail: '6000 bytes arrived on all 2 ways between nodes' }),
  ])
  expect(largePacketsCross([path('s1', 's2', 'passed'), path('s2', 's1', 'stuck', 'unknown')])[0]).toMatchObject({
    level: 'blocks',
    detail: expect.stringMatching(/on 1 of 2 ways: s2 -> s1 \(a\/x -> b\/y:80\)/),
  })
})

test('where no pair connects it is unknown', () => {
  expect(largePacketsCross([path('s1', 's2'), path('s2', 's1', 'unknown')])).toEqual([
    expect.objectContaining({ level: 'unknown', detail: expect.stringMatching(/for 2 of 2 ways: s1 -> s2; s2 -> s1/) }),
  ])
})

test('a way that policies leave no pair for is told, and is no failure where both its nodes were seen on other ways', () => {
  const told = [path('s1', 's2', 'passed'), path('s2', 's1', 'passed'), path('s1', 's3', 'passed'), path('s3', 's1')]
  expect(largePacketsCross([...told, path('s3', 's2', 'passed')])).toMatchObject([
    { level: 'unknown', atWorst: 'warns', detail: expect.stringMatching(/for 1 of 5 ways: s3 -> s1$/) },
  ])
  expect(largePacketsCross(told)[0]).not.toHaveProperty('atWorst')
})

test('a single node has nothing to cross', () => {
  expect(largePacketsCross([])[0]?.level).toBe('fine')
})
