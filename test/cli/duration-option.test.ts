import { Command } from 'commander'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { durationOption, parseDuration } from '../../src/cli/duration-option.ts'

test.each([
  ['90s', 90_000],
  ['10m', 600_000],
  ['1h', 3_600_000],
  ['1.5h', 5_400_000],
  ['500ms', 500],
  ['10', null],
  ['', null],
  ['m', null],
  ['-5s', null],
  ['5 s', null],
  ['1e3s', null],
  ['1h30m', null],
  ['0x10s', null],
])('%j is %j ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test('whatever whole seconds', () => {
  fc.assert(
    fc.property(fc.nat(10_000_000), (seconds) => {
      expect(parseDuration(`${seconds}s`)).toBe(seconds * 1000)
    }),
  )
})

function parsed(...args: string[]): unknown {
  const said: string[] = []
  const command = new Command()
    .addOption(durationOption('--duration <time>', 'how long', 5_000, 3_600_000).default(60_000))
    .exitOverride()
    .configureOutput({ writeErr: (text) => said.push(text) })
  try {
    return command.parse(args, { from: 'user' }).opts().duration
  } catch {
    return said.join('')
  }
}

test('out of bounds or not a time: what was expected is said', () => {
  expect(parsed('--duration', '2m')).toBe(120_000)
  expect(parsed()).toBe(60_000)
  for (const text of ['4s', '2h', 'soon'])
    expect(parsed('--duration', text)).toMatch(/a length of time such as 90s, 10m or 1h, between 5 s and 1 h/)
})
