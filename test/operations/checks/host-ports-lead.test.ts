import { expect, test } from 'vitest'
import { hostPortsLead } from '../../../src/operations/checks/host-ports-lead.ts'
import type { AttemptClass } from '../../../src/probes/attempts.ts'
import { pair } from '../../../src/probes/pairs.ts'
import { tried } from './state.ts'

const direct = pair('node:s1', 'edge/probe', 8080)
const port = (outcome: AttemptClass, allowed = true) => ({
  ...tried('node:s1', 'host-port:s2', allowed, [outcome]),
  port: 9100,
  pod: 'edge/probe',
  direct,
})
const found = (outcome: AttemptClass, answers: boolean, allowed = true) =>
  hostPortsLead({ hostPorts: [port(outcome, allowed)], direct: { [direct.id]: answers } })[0]

test('it leads to its pod, or nowhere', () => {
  expect(found('ok', true)).toMatchObject({ level: 'fine', detail: '1 of 1 were tried from another node: all answer' })
  expect(found('timeout', true)).toMatchObject({
    level: 'blocks',
    detail: expect.stringMatching(/^1 of 1 lead nowhere.*s2:9100 of edge\/probe \(timeout from s1\)/),
  })
})

test('a pod that does not answer itself: nothing can be told, unless policies forbid it anyway', () => {
  expect(found('timeout', false)?.level).toBe('unknown')
  expect(found('timeout', false, false)?.level).toBe('fine')
})

test('none: fine', () => {
  expect(hostPortsLead({ hostPorts: [], direct: {} })[0]?.level).toBe('fine')
})
