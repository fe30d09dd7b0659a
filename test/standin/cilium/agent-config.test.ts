import { describe, expect, it } from 'vitest'
import { agentConfig, mergeNodeConfigs } from '../../../src/lab/standin/cilium/agent-config.ts'
import { isRival, renderConf } from '../../../src/lab/standin/cilium/cni-conf.ts'

describe('agentConfig', () => {
  it('names the key that it cannot run with', () => {
    expect(() => agentConfig({ 'tunnel-port': 'many' })).toThrow(/"many" for option tunnel-port/)
    expect(() => agentConfig({ 'enable-policy': 'sometimes' })).toThrow(/enable-policy/)
    expect(() => agentConfig({ 'routing-mode': 'both' })).toThrow(/"both" for option routing-mode/)
    expect(() => agentConfig({ 'routing-mode': 'native' })).toThrow(/--ipv4-native-routing-cidr/)
  })

  it('takes native routing with its range, and with a tunnel no routes to the nodes themselves', () => {
    const native = { 'ipv4-native-routing-cidr': '10.52.0.0/16', 'auto-direct-node-routes': 'true' }
    expect(agentConfig({ ...native, 'routing-mode': 'native' })).toMatchObject({ 'auto-direct-node-routes': true })
    // What the field's patch of routing-mode alone makes of a cluster with native routing.
    expect(() => agentConfig({ ...native, 'routing-mode': 'tunnel' })).toThrow(/cannot be used with tunneling/)
  })
})

describe('mergeNodeConfigs', () => {
  const nodeConfig = (name: string, matchLabels: Record<string, string>, defaults: Record<string, string>) => ({
    metadata: { name },
    spec: { nodeSelector: { matchLabels }, defaults },
  })

  it('lays the configs that select the node over the base, in the order of their names', () => {
    const merged = mergeNodeConfigs(
      { 'custom-cni-conf': 'true', debug: 'false' },
      [
        nodeConfig('b', { migrate: 'true' }, { debug: 'b' }),
        nodeConfig('a', { migrate: 'true' }, { debug: 'a', 'custom-cni-conf': 'false' }),
        nodeConfig('c', { migrate: 'false' }, { debug: 'c' }),
      ],
      { migrate: 'true' },
    )
    expect(merged).toEqual({ 'custom-cni-conf': 'false', debug: 'b' })
  })

  it('knows selectors with expressions; one that is missing selects nothing', () => {
    const by = (nodeSelector: object | undefined) =>
      mergeNodeConfigs(
        {},
        [{ metadata: { name: 'a' }, spec: { ...(nodeSelector && { nodeSelector }), defaults: { debug: 'true' } } }],
        { migrate: 'true' },
      )
    expect(by({ matchExpressions: [{ key: 'migrate', operator: 'Exists' }] })).toEqual({ debug: 'true' })
    expect(by({ matchExpressions: [{ key: 'migrate', operator: 'DoesNotExist' }] })).toEqual({})
    expect(by({})).toEqual({ debug: 'true' })
    expect(by(undefined)).toEqual({})
  })
})

describe('the CNI conf', () => {
  it('is the list of 1.17, with portmap behind it when that is chained', () => {
    const plain = JSON.parse(renderConf(agentConfig({})))
    expect(plain).toEqual({
      cniVersion: '0.3.1',
      name: 'cilium',
      plugins: [{ type: 'cilium-cni', 'enable-debug': false, 'log-file': '/var/run/cilium/cilium-cni.log' }],
    })
    const chained = JSON.parse(renderConf(agentConfig({ 'cni-chaining-mode': 'portmap' })))
    expect(chained.plugins.map(({ type }: { type: string }) => type)).toEqual(['cilium-cni', 'portmap'])
  })

  it('has rivals: every other file that containerd would load', () => {
    const own = '05-cilium.conflist'
    expect(['10-flannel.conflist', 'a.conf', 'b.json'].every((name) => isRival(name, own))).toBe(true)
    expect(isRival(own, own)).toBe(false)
    expect(isRival('10-flannel.conflist.cilium_bak', own)).toBe(false)
  })
})
