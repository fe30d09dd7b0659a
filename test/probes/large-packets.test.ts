import { expect, test } from 'vitest'
import { parseLarge } from '../../src/probes/large-packets.ts'

test('results by pair; lines that are none are left out', () => {
  expect(parseLarge('a>b:1\tpassed\na>c:2\tstuck\na>d:3\tunknown\nbroken\na>e:4\thacked\n\n')).toEqual(
    new Map([
      ['a>b:1', 'passed'],
      ['a>c:2', 'stuck'],
      ['a>d:3', 'unknown'],
    ]),
  )
})
