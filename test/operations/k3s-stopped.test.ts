import { expect, it } from 'vitest'
import { k3sStopped } from '../../src/operations/k3s-stopped.ts'
import { someFacts } from './some-facts.ts'

it.each([
  ['active', 812, false],
  ['inactive', 0, true],
  ['failed', 0, true],
  // Ended by itself: systemd starts it again in a moment.
  ['activating', 0, false],
  ['deactivating', 812, false],
])('%s with process %d: stopped is %s', (activeState, mainPid, stopped) => {
  const facts = someFacts()
  if (facts.nodes.s3) Object.assign(facts.nodes.s3.unit, { activeState, mainPid })
  expect(k3sStopped.diff(facts, 's3', undefined) === null).toBe(stopped)
})
