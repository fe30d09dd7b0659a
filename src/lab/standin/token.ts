import { createHash } from 'node:crypto'

/** `K10<sha256 of the CA>::server:<password>`, or only the password: https://docs.k3s.io/cli/token */
export interface Token {
  password: string
  caHash?: string
}

export function parseToken(text: string): Token {
  const match = /^K10([0-9a-f]{64})::(?:[^:]+:)?(.+)$/.exec(text.trim())
  return match ? { caHash: match[1] ?? '', password: match[2] ?? '' } : { password: text.trim().replace(/^.*::/, '') }
}

export const caHash = (ca: string): string => createHash('sha256').update(ca).digest('hex')

export const formatToken = (ca: string, password: string): string => `K10${caHash(ca)}::server:${password}`
