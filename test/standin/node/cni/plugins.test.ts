import { describe, expect, test } from 'vitest'
import type { PluginCall } from '../../../../src/lab/standin/node/cni/call.ts'
import { cniDirectories, containerdConfig, parseNetworkList } from '../../../../src/lab/standin/node/cni/directories.ts'
import { delegateConf } from '../../../../src/lab/standin/node/cni/flannel.ts'
import { hostPortChain, hostPortRules } from '../../../../src/lab/standin/node/cni/portmap.ts'
import { flannelConflist, subnetEnv } from '../../../../src/lab/standin/node/flannel/flannel.ts'
import { recordedRules, recording } from '../recording.ts'

const files = 'A2-running-hostport/k2/files'
const id = '7f3a29c9daa8299117c1266c25ef6efcc95e535f07f8a3ca23e304db3aaad625'

describe('against the files of a real node', () => {
  test('flannel hands the bridge plugin the same conf', () => {
    const list = parseNetworkList(
      recording(`${files}/var/lib/rancher/k3s/agent/etc/cni/net.d/10-flannel.conflist`),
      true,
    )
    const plugin = list?.plugins[0]
    const conf = { ...plugin, type: 'flannel', name: list?.name ?? '', cniVersion: list?.cniVersion ?? '' }
    expect(JSON.stringify(delegateConf(conf, recording(`${files}/run/flannel/subnet.env`)))).toBe(
      recording(`${files}/var/lib/cni/flannel/${id}`),
    )
  })

  test('subnet.env is the same', () => {
    expect(subnetEnv('10.42.0.0/16', '10.42.1.0/24', 1450)).toBe(recording(`${files}/run/flannel/subnet.env`))
  })

  test('the conflist is that of K3s with bandwidth added since', () => {
    const [own, real] = [
      flannelConflist,
      recording(`${files}/var/lib/rancher/k3s/agent/etc/cni/net.d/10-flannel.conflist`),
    ].map((text) => JSON.parse(text))
    expect(own.name).toBe(real.name)
    expect(own.plugins.slice(0, 2)).toEqual(real.plugins)
    expect(own.plugins[2]).toEqual({ type: 'bandwidth', capabilities: { bandwidth: true } })
  })

  test('a host port makes the same rules, chain name and comment', () => {
    const call = {
      command: 'ADD',
      containerId: id,
      netns: '/var/run/netns/x',
      ifName: 'eth0',
      args: '',
      binDir: '',
      conf: {
        type: 'portmap',
        name: 'cbr0',
        cniVersion: '1.0.0',
        prevResult: { cniVersion: '1.0.0', interfaces: [], ips: [{ address: '10.42.1.8/24' }], dns: {} },
        runtimeConfig: { portMappings: [{ hostPort: 18080, containerPort: 8080, protocol: 'tcp' }] },
      },
    } satisfies PluginCall
    const rules = (lines: readonly string[]): string[] =>
      lines.filter((line) => /CNI-/.test(line) && /^-[AI]/.test(line))
    const own = rules(hostPortRules(call, '').split('\n')).map((line) =>
      line.replace('-I POSTROUTING 1', '-A POSTROUTING'),
    )
    expect(own.toSorted()).toEqual(rules(recordedRules('A2-running-hostport/k2/iptables-save-c.txt')).toSorted())
    expect(hostPortChain('cbr0', id)).toBe('CNI-DN-c33a9e50d8a59d494c361')
  })
})

describe('the CNI directories', () => {
  test("are named in containerd's config with flannel, and are containerd's defaults without", () => {
    const { confDir, binDir } = cniDirectories('vxlan')
    expect(containerdConfig('vxlan')).toContain(`bin_dir = "${binDir}"\n  conf_dir = "${confDir}"`)
    expect(recording(`${files}/var/lib/rancher/k3s/agent/etc/containerd/config.toml`)).toContain(
      `conf_dir = "${confDir}"`,
    )
    expect(containerdConfig('none')).not.toMatch(/cni\]|conf_dir|bin_dir/)
    expect(cniDirectories('none')).toEqual({ confDir: '/etc/cni/net.d', binDir: '/opt/cni/bin' })
  })

  test.each([
    ['not JSON', '{', true],
    ['no name', '{"plugins":[{"type":"x"}]}', true],
    ['no plugins', '{"name":"x","plugins":[]}', true],
    ['a conf without a type', '{"name":"x"}', false],
  ])('a conf is passed over: %s', (_, source, isList) => {
    expect(parseNetworkList(source, isList)).toBeNull()
  })
})
