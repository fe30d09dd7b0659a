import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { wantedRoutes } from '../../../src/lab/standin/cilium/routes.ts'

// `ip route` of a real node whose Cilium range is 10.52.0.0/24 and whose neighbours have .1 and .2.
const recorded = readFileSync(new URL('./fixtures/ip-route.txt', import.meta.url), 'utf8')

it('has the routes of a real agent, but for the protocol that 1.16 and later mark them with', () => {
  const own = wantedRoutes({
    router: '10.52.0.184',
    podCidr: '10.52.0.0/24',
    remotePodCidrs: ['10.52.1.0/24', '10.52.2.0/24'],
    routeMtu: 1450,
  })
  const real = recorded
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.includes('cilium_host'))
  const shown = [...own.values()].map((route) => route.replace(' proto kernel', '').replace('/32 ', ' '))
  expect(shown.sort()).toEqual(real.sort())
})
