import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contains, freeAddress, freeBlock } from '../../../src/lab/standin/cilium/addresses.ts'

describe('freeBlock', () => {
  it('gives the first block that no node holds', () => {
    expect(freeBlock(['10.52.0.0/16'], 24, [])).toBe('10.52.0.0/24')
    expect(freeBlock(['10.52.0.0/16'], 24, ['10.52.0.0/24', '10.52.2.0/24'])).toBe('10.52.1.0/24')
  })

  it('goes on in the next pool and ends when all are full', () => {
    expect(freeBlock(['10.52.0.0/24', '10.60.0.0/24'], 24, ['10.52.0.0/24'])).toBe('10.60.0.0/24')
    expect(freeBlock(['10.52.0.0/24'], 24, ['10.52.0.0/24'])).toBeNull()
  })

  it('gives nothing that overlaps a block of another size', () => {
    expect(freeBlock(['10.52.0.0/22'], 24, ['10.52.0.0/23'])).toBe('10.52.2.0/24')
  })
})

describe('freeAddress', () => {
  it('stays inside the range, off its ends and off what is taken', () => {
    fc.assert(
      fc.property(fc.float({ min: 0, max: Math.fround(0.999), noNaN: true }), fc.nat(200), (seed, count) => {
        const taken = new Set<string>()
        for (let given = 0; given < count; given++) {
          const address = freeAddress('10.52.1.0/24', taken, () => seed)
          expect(address).not.toBeNull()
          expect(taken.has(address ?? '')).toBe(false)
          expect(contains('10.52.1.0/24', address ?? '')).toBe(true)
          expect(address).not.toMatch(/\.(0|255)$/)
          taken.add(address ?? '')
        }
      }),
      { numRuns: 20 },
    )
  })

  it('is null when every address is taken', () => {
    expect(freeAddress('10.52.1.0/30', new Set(['10.52.1.1', '10.52.1.2']))).toBeNull()
  })
})
