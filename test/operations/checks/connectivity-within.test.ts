import { expect, test } from 'vitest'
import { connectivityWithin } from '../../../src/operations/checks/connectivity-within.ts'
import { someFacts } from '../some-facts.ts'

const podCidr = '10.52.0.0/16'

/** Pods 0 and 1 have moved; each pod asks the next one. */
function asked(outcomes: readonly ('ok' | 'timeout')[]) {
  const facts = someFacts()
  for (const pod of facts.kube.pods.slice(0, 2)) pod.ip = pod.ip?.replace('10.42.', '10.52.') ?? null
  facts.reachability = outcomes.map((outcome, index) => ({
    ...{
      from: `shop/web-${index}`,
      to: `shop/web-${index + 1}`,
      port: 8080,
      address: '10.0.0.1',
      outcome,
      durationMs: 1,
    },
  }))
  return facts
}

const blocked = (before: readonly ('ok' | 'timeout')[], now: readonly ('ok' | 'timeout')[]) =>
  connectivityWithin(asked(before), asked(now), podCidr).flatMap(({ level, detail }) =>
    level === 'blocks' ? [detail] : [],
  )

test('what is lost between both networks is expected, on either of them it is not', () => {
  expect(blocked(['ok', 'ok', 'ok'], ['ok', 'timeout', 'ok'])).toEqual([])
  expect(blocked(['ok', 'ok', 'ok'], ['timeout', 'ok', 'ok'])).toEqual([expect.stringMatching(/web-0 -> shop\/web-1/)])
  expect(blocked(['ok', 'ok', 'ok'], ['ok', 'ok', 'timeout'])).toEqual([expect.stringMatching(/web-2 -> shop\/web-3/)])
})
