import { describe, expect, test } from 'vitest'
import { effectiveFlags, type FlagSources } from '../../src/facts/k3s-flags.ts'

const unit = '/etc/systemd/system/k3s.service'
const config = '/etc/rancher/k3s/config.yaml'
const dropIn = `${config}.d/90-x.yaml`
const flags = (sources: Partial<Omit<FlagSources, 'args'>> & { words?: string[] }) =>
  effectiveFlags({ role: 'server', files: [], env: [], ...sources, args: { words: sources.words ?? [], from: unit } })

test('a server without settings has K3s` defaults', () => {
  expect(flags({})).toMatchObject({
    'flannel-backend': { value: 'vxlan', from: 'default' },
    'disable-network-policy': { value: 'false', from: 'default' },
    'cluster-cidr': { value: '10.42.0.0/16', from: 'default' },
  })
  expect(flags({})['datastore-endpoint']).toBeUndefined()
})

test('an agent has no server`s flags, unless something sets them', () => {
  expect(flags({ role: 'agent' })['flannel-backend']).toBeUndefined()
  expect(flags({ role: 'agent', files: [{ path: config, text: 'flannel-backend: none' }] })['flannel-backend']).toEqual(
    {
      value: 'none',
      from: config,
    },
  )
})

test('arguments win over drop-ins, those over config.yaml, that over the environment', () => {
  const env = [{ name: 'K3S_URL', value: 'env', from: `${unit}.env` }]
  const one = { path: config, text: 'server: one' }
  const two = { path: dropIn, text: 'server: two' }
  expect(flags({ env }).server).toEqual({ value: 'env', from: `${unit}.env` })
  expect(flags({ env, files: [one] }).server).toEqual({ value: 'one', from: config })
  expect(flags({ env, files: [one, two] }).server).toEqual({ value: 'two', from: dropIn })
  expect(flags({ env, files: [one, two], words: ['--server', 'cli'] }).server).toEqual({ value: 'cli', from: unit })
})

describe('forms of arguments', () => {
  test.each([
    [['--flannel-backend=none'], 'flannel-backend', 'none'],
    [['--flannel-backend', 'none'], 'flannel-backend', 'none'],
    [['-flannel-backend=none'], 'flannel-backend', 'none'],
    [['--flannel-backend=vxlan', '--flannel-backend=none'], 'flannel-backend', 'none'],
    [['--disable-network-policy'], 'disable-network-policy', 'true'],
    [['--disable-network-policy', '--disable', 'traefik'], 'disable-network-policy', 'true'],
    [['--disable-network-policy=false'], 'disable-network-policy', 'false'],
    [['--disable-network-policy=1'], 'disable-network-policy', 'true'],
    [['-d', '/data'], 'data-dir', '/data'],
    [['--node-ip', '10.0.0.1', '--node-ip=fd00::1'], 'node-ip', '10.0.0.1,fd00::1'],
    [['--kubelet-arg', 'x', '--cluster-cidr=10.1.0.0/16'], 'cluster-cidr', '10.1.0.0/16'],
  ])('%j', (words, key, value) => expect(flags({ words })[key]).toEqual({ value, from: unit }))
})

describe('forms of files', () => {
  test.each([
    ['flannel-backend: "none"', 'flannel-backend', 'none'],
    ['disable-network-policy: true', 'disable-network-policy', 'true'],
    ['disable-network-policy: "false"', 'disable-network-policy', 'false'],
    ['node-ip: [10.0.0.1, fd00::1]', 'node-ip', '10.0.0.1,fd00::1'],
    ['https-listen-port: 7443', 'https-listen-port', '7443'],
    ['flannel-backend: vxlan\nflannel-backend: none', 'flannel-backend', 'none'],
    ['{"flannel-backend": "none"}', 'flannel-backend', 'none'],
  ])('%j', (text, key, value) =>
    expect(flags({ files: [{ path: config, text }] })[key]).toEqual({ value, from: config }))

  test('a later file replaces a list, `+` adds to it', () => {
    const first = { path: config, text: 'cluster-dns: 10.43.0.10' }
    expect(flags({ files: [first, { path: dropIn, text: 'cluster-dns: 10.43.0.11' }] })['cluster-dns']?.value).toBe(
      '10.43.0.11',
    )
    expect(flags({ files: [first, { path: dropIn, text: 'cluster-dns+: 10.43.0.11' }] })['cluster-dns']?.value).toBe(
      '10.43.0.10,10.43.0.11',
    )
  })

  test('comments alone are no settings; what is no map of keys is refused with its path', () => {
    expect(flags({ files: [{ path: config, text: '# nothing\n' }] }).server).toBeUndefined()
    expect(() => flags({ files: [{ path: config, text: 'a: [b' }] })).toThrow(`${config} is not YAML`)
    expect(() => flags({ files: [{ path: config, text: '- a' }] })).toThrow(
      `${config}: expected keys with values, got a list`,
    )
  })
})
