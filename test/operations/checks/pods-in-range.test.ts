import { expect, test } from 'vitest'
import type { Finding } from '../../../src/engine/model.ts'
import { podsInRange } from '../../../src/operations/checks/pods-in-range.ts'
import { routedFacts } from '../routed-facts.ts'
import { podCidr } from '../some-facts.ts'

const levels = (findings: readonly Finding[]) => findings.map(({ level }) => level)

test('a range of the inventory that is not Cilium’s would rewrite pods’ sources: refused', () => {
  expect(levels(podsInRange(routedFacts('tunnel'), podCidr))).toEqual(['fine'])
  expect(podsInRange(routedFacts('tunnel'), '10.99.0.0/16')[0]).toMatchObject({
    level: 'blocks',
    target: 's1',
    detail: 'Cilium gave it 10.52.0.0/24, which is not in 10.99.0.0/16',
  })
})
