import { describe, expect, it } from 'vitest'
import { selectedDevices } from '../../../src/lab/standin/cilium/devices.ts'

const link = (ifname: string, mtu: number, kind?: string, addressed = true) => ({
  ifname,
  mtu,
  link_type: 'ether',
  ...(kind === undefined ? {} : { linkinfo: { info_kind: kind } }),
  addr_info: addressed ? [{ family: 'inet', scope: 'global' }] : [],
})

const node = [
  link('lo', 65536),
  link('eth0', 1500, 'veth'),
  link('flannel.1', 1450, 'vxlan'),
  link('cni0', 1450, 'bridge'),
  link('veth1234', 1450, 'veth', false),
  link('cilium_host', 1500, 'veth'),
  link('lxc0', 1500, 'veth'),
]
const names = (patterns: string[]) => selectedDevices(node, ['eth0'], patterns).map(({ ifname }) => ifname)

describe('selectedDevices', () => {
  it('takes flannel.1 by itself, as a real agent does', () => {
    expect(names([])).toEqual(['eth0', 'flannel.1'])
  })

  it('takes only what is named, with a wildcard at the end', () => {
    expect(names(['eth+'])).toEqual(['eth0'])
    expect(names(['eth0'])).toEqual(['eth0'])
  })

  it('leaves out what is excluded', () => {
    expect(names(['!flannel.1'])).toEqual(['eth0'])
    expect(names(['!flannel+'])).toEqual(['eth0'])
  })
})
