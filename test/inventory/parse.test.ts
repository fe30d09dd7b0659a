import { describe, expect, test } from 'vitest'
import { InputError } from '../../src/errors.ts'
import { parseInventory } from '../../src/inventory/parse.ts'

const good = `cluster: {name: home}
nodes:
  - {name: s1, role: server, address: 192.168.1.11}
  - {name: s2, role: server, address: 192.168.1.12}
  - {name: a1, role: agent, address: 192.168.1.21}
cilium: {version: 1.18.6}
`

function errorsOf(text: string | Uint8Array): string[] {
  try {
    parseInventory(typeof text === 'string' ? new TextEncoder().encode(text) : text, 'i.yaml')
  } catch (error) {
    if (error instanceof InputError) return error.message.split('\n')
    throw error
  }
  return []
}

/** What is done to the good file, and every line that must be said about it. */
const corpus: Record<string, [text: string, errors: string[]]> = {
  'misspelt key': [
    good.replace('address: 192.168.1.12', 'adress: 192.168.1.12'),
    [
      'i.yaml:4:5 nodes[1].address: is missing; expected a text',
      'i.yaml:4:30 nodes[1].adress: there is no such key. Did you mean "address"?',
    ],
  ],
  'key in another spelling': [
    good.replace('1.18.6}', '1.18.6, pod_cidr: 10.60.0.0/16}'),
    ['i.yaml:6:27 cilium.pod_cidr: there is no such key. Did you mean "podCidr"?'],
  ],
  'key that has no like': [
    `${good}colour: red\n`,
    [
      'i.yaml:7:1 colour: there is no such key. Known here: cluster, ssh, nodes, lifeboat, canary, cilium, probes, stateDir',
    ],
  ],
  'host keys cannot be ignored': [
    `${good}ssh: {hostKeyChecking: false}\n`,
    [
      'i.yaml:7:7 ssh.hostKeyChecking: there is no such key. Known here: user, port, identityFile, configFile, knownHostsFile, proxyJump',
    ],
  ],
  'several errors at once, in the order of the file': [
    good.replace('home', 'Home').replace('role: agent', 'role: worker').replace('1.18.6', '1.18'),
    [
      'i.yaml:1:17 cluster.name: found "Home"; expected at most 63 small letters, digits and "-", beginning and ending with a letter or digit',
      'i.yaml:5:22 nodes[2].role: found "worker"; expected "server" or "agent"',
      'i.yaml:6:19 cilium.version: found the number 1.18; expected a text (put it in quotes)',
    ],
  ],
  'same node twice': [
    good.replace('name: s2', 'name: s1'),
    ['i.yaml:4:12 nodes[1].name: nodes[0] is called s1 too; expected each node once'],
  ],
  'same address twice': [
    good.replace('192.168.1.12', '192.168.1.11'),
    [
      'i.yaml:4:39 nodes[1].address: nodes[0] has the address 192.168.1.11 too; expected an address (or ssh.port) of its own',
    ],
  ],
  'no server': [
    good.replaceAll('role: server', 'role: agent'),
    ['i.yaml:3:3 nodes: no node has role: server; expected at least one'],
  ],
  'lifeboat that is an agent': [
    `${good}lifeboat: a1\n`,
    ['i.yaml:7:11 lifeboat: a1 is an agent; expected a server: s1, s2'],
  ],
  'lifeboat that is nothing': [
    `${good}lifeboat: s9\n`,
    ['i.yaml:7:11 lifeboat: s9 is not one of the nodes; expected a server: s1, s2'],
  ],
  'canary that is the lifeboat': [
    `${good}canary: s2\n`,
    ['i.yaml:7:9 canary: s2 is the lifeboat; expected another node: s1, a1'],
  ],
  'canary that is nothing': [
    `${good}lifeboat: s1\ncanary: s9\n`,
    ['i.yaml:8:9 canary: s9 is not one of the nodes; expected another node: s2, a1'],
  ],
  'pod range around the nodes': [
    good.replace('1.18.6', '1.18.6, podCidr: 192.168.0.0/16'),
    ['s1', 's2', 'a1'].map(
      (name, index) =>
        `i.yaml:6:36 cilium.podCidr: 192.168.0.0/16 holds 192.168.1.${[11, 12, 21][index]}, the address of ${name}; expected a range that is used nowhere else`,
    ),
  ],
  'pod range too small': [
    good.replace('1.18.6', '1.18.6, podCidr: 10.52.0.0/23'),
    [
      'i.yaml:6:36 cilium.podCidr: 10.52.0.0/23 has no /24 for each of 3 nodes; expected a wider range such as 10.52.0.0/16',
    ],
  ],
  'pod range with host bits': [
    good.replace('1.18.6', '1.18.6, podCidr: 10.52.1.0/16'),
    [
      'i.yaml:6:36 cilium.podCidr: found "10.52.1.0/16"; expected an IPv4 network such as 10.52.0.0/16, its host bits zero',
    ],
  ],
  'value that would be an option of ssh': [
    `${good}ssh: {user: -oProxyCommand=reboot, proxyJump: "-J x"}\n`,
    [
      'i.yaml:7:13 ssh.user: found "-oProxyCommand=reboot"; expected a login name',
      'i.yaml:7:47 ssh.proxyJump: found "-J x"; expected [user@]host[:port], several separated by commas',
    ],
  ],
  'address with a command in it': [
    good.replace('192.168.1.12', '"x; reboot"'),
    ['i.yaml:4:39 nodes[1].address: found "x; reboot"; expected an IP address or a host name'],
  ],
  'control characters in a value are not repeated': [
    good.replace('home', '"\\e[2Jhome"'),
    [
      'i.yaml:1:17 cluster.name: found "\\u001b[2Jhome"; expected at most 63 small letters, digits and "-", beginning and ending with a letter or digit',
    ],
  ],
  'empty section': [`${good}probes:\n`, ['i.yaml:7:8 probes: found nothing; expected a map']],
  'port out of range': [
    `${good}ssh: {port: 65536}\n`,
    ['i.yaml:7:13 ssh.port: found the number 65536; expected at most 65535'],
  ],
  'chart of no kind': [
    good.replace('1.18.6', '1.18.6, chart: {git: x}'),
    ['i.yaml:6:34 cilium.chart: found a map; expected {repo: https://...} or {path: FILE}'],
  ],
  'duplicate key': [
    `${good}cluster: {name: other}\n`,
    ['i.yaml:7:1 cluster: stands here a second time; expected each key once'],
  ],
  tab: ['cluster:\n\tname: x\n', ['i.yaml:2:1 a tab is used to indent; expected spaces']],
  'two documents': [
    `${good}---\n${good}`,
    ['i.yaml:7:1 a second YAML document begins here; expected one inventory a file'],
  ],
  'no map': ['hello\n', ['i.yaml:1:1 found "hello"; expected a map']],
  empty: ['# nothing\n', ['i.yaml:1:1 the file is empty; expected an inventory']],
  'unclosed quote': ['cluster: "x\n', ['i.yaml:2:1 not valid YAML: Missing closing "quote']],
}

describe('an inventory that is wrong', () => {
  test.each(Object.entries(corpus))('%s', (_name, [text, errors]) => {
    expect(errorsOf(text)).toEqual(errors)
  })

  test('aliases that would grow without bound are refused', () => {
    const levels = Array.from({ length: 9 }, (_, n) => `l${n + 1}: &l${n + 1} [${Array(9).fill(`*l${n}`).join(', ')}]`)
    expect(errorsOf(`l0: &l0 [x]\n${levels.join('\n')}\n`)).toEqual([
      expect.stringMatching(/^i\.yaml:1:1 .*alias.*; expected at most 100 uses of YAML aliases/),
    ])
  })

  test('a file that is no text, and one that is too big', () => {
    expect(errorsOf(Uint8Array.from([0x63, 0xff, 0xfe]))).toEqual(['i.yaml: the file is not UTF-8 text; expected YAML'])
    expect(errorsOf(new Uint8Array(64 * 1024 + 1))).toEqual([
      'i.yaml: the file has 65537 bytes; expected at most 65536',
    ])
  })
})

describe('an inventory that is right', () => {
  test('defaults are filled in', () => {
    const inventory = parseInventory(new TextEncoder().encode(good), 'i.yaml')
    expect(inventory.cilium).toEqual({
      version: '1.18.6',
      podCidr: '10.52.0.0/16',
      tunnelPort: 8473,
      chart: { repo: 'https://helm.cilium.io' },
      install: 'helm-chart-object',
      kubeProxyReplacement: false,
      auditPolicies: false,
      hubble: false,
      values: {},
    })
  })

  test('a byte order mark, CRLF, anchors and merge keys are fine', () => {
    const text = `\uFEFF${good}`.replace('cluster', 'ssh: &s {user: root}\ncluster').replaceAll('\n', '\r\n')
    expect(errorsOf(text)).toEqual([])
    expect(errorsOf(good.replace('address: 192.168.1.21', 'address: 192.168.1.21, ssh: {<<: {port: 2222}}'))).toEqual(
      [],
    )
  })

  test('one address with two ssh ports is two nodes', () => {
    expect(errorsOf(good.replace('192.168.1.12', '192.168.1.11, ssh: {port: 2222}'))).toEqual([])
  })
})
