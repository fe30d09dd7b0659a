import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { type K3sConfigPlace, k3sFiles, standinWrapper } from '../../src/lab/k3s-files.ts'
import { planNodes } from '../../src/lab/layout.ts'

const [s1, s2, a1] = planNodes(2, 1)

function filesOf(node: typeof s1, place: K3sConfigPlace = 'default') {
  if (node === undefined) throw new Error('no such node')
  const disable = ['traefik', 'coredns']
  const files = k3sFiles({ node, firstServer: '192.168.77.11', token: 'secret', place, disable })
  return Object.fromEntries(files.map((file) => [file.path, file]))
}
const unitOf = (node: typeof s1, place?: K3sConfigPlace) =>
  filesOf(node, place)['/etc/systemd/system/k3s.service']?.content
const configOf = (node: typeof s1, place?: K3sConfigPlace) =>
  filesOf(node, place)['/etc/rancher/k3s/config.yaml']?.content

describe('the unit', () => {
  test('has the recorded one’s ExecStart form: tab, quoted word, backslash, and an empty line at the end', () => {
    const recorded = readFileSync(new URL('../fixtures/k3s-1.21.3/A-running/k1/k3s.service', import.meta.url), 'utf8')
    const execStart = (unit: string) => unit.slice(unit.indexOf('ExecStart=/'))
    const words = execStart(recorded)
      .split('\n')
      .filter((line) => line.startsWith('\t'))
      .map((line) => line.trim().replace(/^'(.*)' \\$/, '$1'))
    const disable = words.filter((_, index) => words[index - 1] === '--disable')
    const files = k3sFiles({
      node: { name: 'k1', role: 'server', address: '10.99.0.11' },
      firstServer: '10.99.0.11',
      token: 'x',
      place: 'execstart',
      disable,
    })
    const own = execStart(files[0]?.content ?? '')
      .replace("\t'--node-ip' \\\n\t'10.99.0.11' \\\n", '')
      .replace("\t'--flannel-backend' \\\n\t'vxlan' \\\n\t'--disable-network-policy=false' \\\n", '')
    expect(own).toBe(execStart(recorded))
  })

  test('differs from the recorded one in what newer installers write: three optional env files and the user', () => {
    const recorded = readFileSync(new URL('../fixtures/k3s-1.21.3/A-running/k1/k3s.service', import.meta.url), 'utf8')
    const head = (unit: string) => unit.slice(0, unit.indexOf('ExecStart=/')).split('\n')
    const own = head(unitOf(s1) ?? '')
    expect(head(recorded).filter((line) => !own.includes(line))).toEqual([
      'EnvironmentFile=/etc/systemd/system/k3s.service.env',
    ])
    expect(own.filter((line) => !head(recorded).includes(line))).toEqual([
      'EnvironmentFile=-/etc/default/%N',
      'EnvironmentFile=-/etc/sysconfig/%N',
      'EnvironmentFile=-/etc/systemd/system/k3s.service.env',
      'User=root',
    ])
  })
})

describe('where settings stand', () => {
  test('default: who joins whom in ExecStart, the rest in config.yaml, nothing of flannel', () => {
    expect(unitOf(s1)).toContain("    server \\\n\t'--cluster-init' \\\n\n")
    expect(unitOf(s2)).toContain("    server \\\n\t'--server' \\\n\t'https://192.168.77.11:6443' \\\n\n")
    expect(parse(configOf(s1) ?? '')).toEqual({ 'node-ip': '192.168.77.11', disable: ['traefik', 'coredns'] })
    expect(unitOf(s1)).not.toContain('flannel')
  })

  test('execstart: everything there and no config.yaml', () => {
    expect(configOf(s1, 'execstart')).toBeUndefined()
    expect(unitOf(s1, 'execstart')).toContain(
      "\t'--flannel-backend' \\\n\t'vxlan' \\\n\t'--disable-network-policy=false' \\\n",
    )
  })

  test('config.yaml: everything there and no argument', () => {
    expect(unitOf(s2, 'config.yaml')).toContain('    server \\\n\n')
    expect(parse(configOf(s2, 'config.yaml') ?? '')).toEqual({
      server: 'https://192.168.77.11:6443',
      'node-ip': '192.168.77.12',
      disable: ['traefik', 'coredns'],
      'flannel-backend': 'vxlan',
      'disable-network-policy': false,
    })
  })

  test.each(['default', 'execstart', 'config.yaml'] as const)('%s: an agent gets no key of a server', (place) => {
    const files = filesOf(a1, place)
    const all = Object.values(files).map((file) => file.content)
    expect(all.join('')).not.toMatch(/flannel|disable|cluster-init/)
    expect(files['/etc/systemd/system/k3s-agent.service']?.content).toContain('    agent \\\n')
    expect(files['/etc/systemd/system/k3s-agent.service.env']).toMatchObject({
      mode: 0o600,
      content: "K3S_TOKEN='secret'\nK3S_URL='https://192.168.77.11:6443'\n",
    })
  })

  test.each(['default', 'execstart', 'config.yaml'] as const)('%s: the token stands in the env file only', (place) => {
    for (const [path, file] of Object.entries(filesOf(s1, place))) {
      expect(file.content.includes('secret')).toBe(path.endsWith('.env'))
    }
  })
})

test('the wrapper passes on the name it was called by', () => {
  expect(standinWrapper('/usr/lib/x/k3s.ts')).toMatch(
    /^STANDIN_ARGV0=\$\{0##\*\/\} exec \/usr\/lib\/migrate-lab\/bin\/node \/usr\/lib\/x\/k3s\.ts "\$@"$/m,
  )
})

test('the wrapper tells the version by itself', () => {
  const run = (name: string) =>
    spawnSync('sh', ['-c', standinWrapper('/nowhere'), name, '--version'], { encoding: 'utf8' })
  expect(run('/usr/local/bin/k3s').stdout).toMatch(/^k3s version v1\.\d+\.\d+\+k3s\d+ \(practice\)\ngo version \S+\n$/)
  expect(run('/usr/local/bin/crictl').status).not.toBe(0)
})
