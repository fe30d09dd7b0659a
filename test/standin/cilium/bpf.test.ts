import { expect, it } from 'vitest'
import { identityMark } from '../../../src/lab/standin/cilium/bpf.ts'

it('puts the low half of an identity uppermost in the mark, where odd numbers have the bit of kube-router', () => {
  const mark = (identity: number) => identityMark(identity) >>> 0
  expect(mark(4096)).toBe(0x1000_0f00)
  expect(mark(4097)).toBe(0x1001_0f00)
  expect(mark(0xffff)).toBe(0xffff_0f00)
  expect(mark(0x2_0003)).toBe(0x0003_0f02)
})
