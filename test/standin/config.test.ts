import { describe, expect, it } from 'vitest'
import { type Config, ConfigError, criticalValues, isSet, parseConfig, setting } from '../../src/lab/standin/config.ts'

const main = (text: string) => ({ path: '/etc/rancher/k3s/config.yaml', text })
const dropIn = (name: string, text: string) => ({ path: `/etc/rancher/k3s/config.yaml.d/${name}`, text })
const server = (
  argv: string[],
  files: { path: string; text: string }[] = [],
  env: Record<string, string> = {},
): Config => parseConfig({ role: 'server', argv, files, env })

describe('where a value comes from', () => {
  const files = [main('flannel-backend: host-gw\n'), dropIn('50.yaml', 'flannel-backend: none\n')]

  it('the command line wins over every file', () => {
    expect(setting(server(['--flannel-backend=vxlan'], files), 'flannel-backend', '')).toBe('vxlan')
    expect(setting(server(['--flannel-backend', 'vxlan'], files), 'flannel-backend', '')).toBe('vxlan')
  })
  it('a later drop-in wins over an earlier one and over config.yaml', () => {
    expect(setting(server([], files), 'flannel-backend', '')).toBe('none')
    const more = [...files, dropIn('60.yaml', 'flannel-backend: vxlan')]
    expect(setting(server([], more), 'flannel-backend', '')).toBe('vxlan')
  })
  it('the environment counts only for a flag given nowhere', () => {
    const env = { K3S_TOKEN: 'from-env', K3S_URL: 'https://one:6443' }
    expect(setting(server([], [], env), 'token', '')).toBe('from-env')
    expect(setting(server([], [main('token: from-file')], env), 'token', '')).toBe('from-file')
    expect(setting(server([], [], env), 'server', '')).toBe('https://one:6443')
  })
  it('the default is the last resort', () => {
    expect(setting(server([]), 'flannel-backend', 'vxlan')).toBe('vxlan')
  })
})

describe('lists', () => {
  it('a key with + appends to what earlier files say, one without replaces it', () => {
    const base = main('disable: [traefik]\n')
    expect(server([], [base, dropIn('a.yaml', 'disable+: [servicelb]')]).values.get('disable')).toEqual([
      'traefik',
      'servicelb',
    ])
    expect(server([], [base, dropIn('a.yaml', 'disable: [servicelb]')]).values.get('disable')).toEqual(['servicelb'])
  })
  it('a value may hold several', () => {
    expect(server(['--disable', 'traefik,servicelb']).values.get('disable')).toEqual(['traefik', 'servicelb'])
  })
})

describe('what is not known', () => {
  it('a server skips an unknown key of a file, and says so', () => {
    const config = server([], [main('flanel-backend: none')])
    expect(config.warnings).toEqual(['Unknown flag --flanel-backend found in config.yaml, skipping'])
  })
  it.each([
    ['on its command line', ['--flannel-backend=none'], []],
    ['in its config.yaml', [], [main('flannel-backend: none')]],
  ])('an agent dies of a key for servers %s', (_where, argv, files) => {
    const parse = () => parseConfig({ role: 'agent', argv, files, env: {} })
    expect(parse).toThrow(new ConfigError('flag provided but not defined: -flannel-backend'))
  })
  it('names the file that is not YAML', () => {
    expect(() => server([], [main('a: [')])).toThrow(/config\.yaml/)
  })
})

describe('k3s.io/node-args', () => {
  it('is the command line with the files in front, flags and values apart, secrets hidden', () => {
    const config = server(['--cluster-init', '--token=secret'], [main('disable-network-policy: true\nagent-token: s2')])
    expect(config.nodeArgs).toEqual([
      'server',
      '--disable-network-policy',
      'true',
      '--agent-token',
      '********',
      '--cluster-init',
      '--token',
      '********',
    ])
    expect(isSet(config, 'disable-network-policy')).toBe(true)
  })
  it('hides the token in k3s.io/node-env', () => {
    expect(server([], [], { K3S_TOKEN: 'x', K3S_URL: 'u', HOME: '/root' }).nodeEnv).toEqual({
      K3S_TOKEN: '********',
      K3S_URL: 'u',
    })
  })
})

it('critical values differ exactly by what was set otherwise', () => {
  const [one, two] = [
    criticalValues(server([])),
    criticalValues(server(['--flannel-backend=none', '--disable-kube-proxy'])),
  ]
  // disable-kube-proxy is not one of them: nothing in K3s checks that servers agree on it.
  expect(Object.keys(one).filter((key) => one[key] !== two[key])).toEqual(['flannel-backend'])
})
