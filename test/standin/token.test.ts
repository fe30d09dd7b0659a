import { describe, expect, it } from 'vitest'
import { formatToken, parseToken } from '../../src/lab/standin/token.ts'

describe('token', () => {
  it('reads what it writes', () => {
    expect(parseToken(`${formatToken('the CA', 'secret')}\n`)).toEqual({
      password: 'secret',
      caHash: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
  })
  it('takes a bare password, which names no CA', () => {
    expect(parseToken('labtoken')).toEqual({ password: 'labtoken' })
  })
  it('has the recorded form', () => {
    const recorded = 'K10100c690381a425e06a9040ad0f16428cd657419a849f8783cbc8cab9b7cf5e59::server:labtoken'
    expect(parseToken(recorded)).toEqual({
      password: 'labtoken',
      caHash: '100c690381a425e06a9040ad0f16428cd657419a849f8783cbc8cab9b7cf5e59',
    })
  })
})
