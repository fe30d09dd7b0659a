import { expect, test } from 'vitest'
import type { Finding } from '../../../src/engine/model.ts'
import { routedByTunnel } from '../../../src/operations/checks/routed-by-tunnel.ts'
import { routedFacts } from '../routed-facts.ts'

const levels = (findings: readonly Finding[]) => findings.map(({ level }) => level)

test('runbooks that count on the tunnel are told what to do first', () => {
  expect(levels(routedByTunnel(routedFacts('tunnel'), ''))).toEqual(['fine'])
  expect(routedByTunnel(routedFacts('native'), 'it would hurt')[0]).toMatchObject({
    level: 'blocks',
    fix: 'first: migrate run --runbook routing-mode-change --to tunnel',
  })
})
