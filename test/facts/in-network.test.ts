import { expect, test } from 'vitest'
import { inNetwork } from '../../src/facts/in-network.ts'

test.each([
  ['10.42.3.9', '10.42.0.0/16', true],
  ['10.43.3.9', '10.42.0.0/16', false],
  ['::ffff:10.42.3.9', '10.42.0.0/16', true],
  ['fd00:42::9', 'fd00:42::/56', true],
  ['fd00:42::9', '10.42.0.0/16', false],
  ['10.42.3.9', '10.42.0.0', false],
  ['web.shop.svc', '10.42.0.0/16', false],
  [null, '10.42.0.0/16', false],
])('%s in %s: %s, however often it is asked', (address, cidr, expected) => {
  expect([inNetwork(address, cidr), inNetwork(address, cidr)]).toEqual([expected, expected])
})
