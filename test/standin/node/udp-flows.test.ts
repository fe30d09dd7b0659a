import { expect, test } from 'vitest'
import { staleUdpFlows } from '../../../src/lab/standin/node/udp-flows.ts'

// As `conntrack -L -p udp` of conntrack-tools 1.4.7 prints them on a practice node.
const listing = `udp      17 118 src=10.42.1.2 dst=10.42.0.2 sport=45454 dport=53 src=10.42.0.2 dst=10.42.1.2 sport=53 dport=45454 [ASSURED] mark=0 use=1
udp      17 118 src=10.42.1.2 dst=10.43.0.10 sport=45454 dport=53 src=10.42.0.2 dst=10.42.1.2 sport=53 dport=45454 [ASSURED] mark=0 use=1
udp      17 12 src=10.42.1.3 dst=10.43.0.10 sport=45455 dport=53 [UNREPLIED] src=10.42.0.2 dst=10.42.1.3 sport=53 dport=45455 mark=0 use=1
udp      17 29 src=10.42.1.3 dst=10.43.0.10 sport=45456 dport=53 src=10.42.0.5 dst=10.42.1.3 sport=53 dport=45456 mark=0 use=1
udp      17 29 src=10.42.1.3 dst=10.43.0.10 sport=45457 dport=54 src=10.42.0.2 dst=10.42.1.3 sport=54 dport=45457 mark=0 use=1
`

test('flows of a front to an address that does not serve it any more are stale', () => {
  expect(staleUdpFlows(listing, [{ address: '10.43.0.10', port: 53, backends: ['10.42.0.5', '10.42.0.6'] }])).toEqual([
    { address: '10.43.0.10', port: 53, backend: '10.42.0.2' },
  ])
})

test('while nobody serves a front its flows stay', () => {
  expect(staleUdpFlows(listing, [{ address: '10.43.0.10', port: 53, backends: [] }])).toEqual([])
})
