import { expect, test } from 'vitest'
import { dnsAnswered } from '../../../src/operations/checks/dns-answered.ts'
import { tried } from './state.ts'

const dns = 'dns:kube-system/kube-dns'
const shop = tried('shop/cli', dns, true, ['ok'])

test('answered everywhere: fine', () => {
  expect(dnsAnswered([shop, tried('pay/cli', dns, true, ['ok'])], null)).toEqual([
    expect.objectContaining({ level: 'fine', detail: '2 pods of 2 namespaces asked and were answered' }),
  ])
})

test('allowed and silent blocks, and only the namespace that is concerned is named', () => {
  const found = dnsAnswered([shop, tried('pay/cli', dns, true, ['timeout', 'timeout', 'timeout'])], null)
  expect(found).toHaveLength(1)
  expect(found[0]).toMatchObject({
    level: 'blocks',
    detail: expect.stringMatching(/^no answer to 1 of 1 pods of pay: pay\/cli \(timeout\)\. The policies allow it/),
  })
})

test('denied by policy: what worked before is lost, what nobody knows of is a warning', () => {
  const denied = [tried('pay/cli', dns, false, ['timeout'])]
  expect(dnsAnswered(denied, new Set(['pay']))[0]).toMatchObject({
    level: 'blocks',
    detail: expect.stringMatching(/egress policies of pay deny it, and it worked before/),
  })
  expect(dnsAnswered(denied, new Set(['shop']))[0]?.level).toBe('warns')
  expect(dnsAnswered(denied, null)[0]?.level).toBe('warns')
})

test('nobody to ask with: unknown, not fine', () => {
  expect(dnsAnswered([], null)[0]?.level).toBe('unknown')
})
