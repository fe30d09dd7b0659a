import { expect, test } from 'vitest'
import { runbookOf, runbooks } from '../../runbooks/runbooks.ts'
import { runbookNames } from '../../src/cli/runbook-options.ts'
import { someInventory } from '../operations/some-facts.ts'

test('what can be asked for is what there is, by its own name', () => {
  expect(runbookNames).toEqual([...runbooks.keys()])
  for (const name of runbookNames) expect(runbookOf(name, someInventory).name).toBe(name)
})

test('a plan of a runbook that this version has not', () => {
  expect(() => runbookOf('constructor', someInventory)).toThrow(
    /there is no runbook "constructor"; expected one of k3s-/,
  )
})
