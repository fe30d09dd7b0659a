import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { maskProgram } from '../../src/facts/mask.ts'

/** What each awk of this machine makes of it; they must agree. */
function masked(text: string): string {
  const awks = [['mawk'], ['gawk'], ['gawk', '--posix'], ['original-awk'], ['busybox', 'awk']].flatMap(
    ([program, ...args]) => {
      const result = spawnSync(program ?? '', [...args, maskProgram], { input: text, encoding: 'utf8' })
      return result.error || result.stderr.includes('applet not found') ? [] : [result.stdout]
    },
  )
  const [first, ...others] = awks
  if (first === undefined) throw new Error('no awk here')
  for (const other of others) expect(other).toBe(first)
  return first
}

describe('arguments', () => {
  test.each([
    [
      'ExecStart=/usr/local/bin/k3s server --token s3cret --debug',
      'ExecStart=/usr/local/bin/k3s server --token *** --debug',
    ],
    ["\t'--token=s3'\\''cret' \\", "\t'--token=***' \\"],
    ["\t'--token' \\\n\t's3cret' \\\n\t'--debug' \\", "\t'--token' \\\n\t*** \\\n\t'--debug' \\"],
    ['k3s agent -t s3cret --node-ip 10.0.0.1', 'k3s agent -t *** --node-ip 10.0.0.1'],
    ['k3s server "--agent-token=s3 cret" --debug', 'k3s server "--agent-token=***" --debug'],
    [
      '--datastore-endpoint="s3 cret" --etcd-s3 --etcd-s3-secret-key s3cret',
      '--datastore-endpoint=*** --etcd-s3 --etcd-s3-secret-key ***',
    ],
    ['--token-file /path --flannel-backend=none', '--token-file /path --flannel-backend=none'],
    ['--vpn-auth=name=tailscale,joinKey=s3cret', '--vpn-auth=***'],
    [
      'ExecStart=/usr/bin/env K3S_TOKEN=s3cret /usr/local/bin/k3s server --debug',
      'ExecStart=/usr/bin/env K3S_TOKEN=*** /usr/local/bin/k3s server --debug',
    ],
  ])('%j', (text, expected) => expect(masked(`${text}\n`)).toBe(`${expected}\n`))
})

describe('variables', () => {
  test.each([
    ["K3S_TOKEN='s3 cret'", 'K3S_TOKEN=***'],
    ['export K3S_AGENT_TOKEN=s3cret x', 'export K3S_AGENT_TOKEN=***'],
    ['K3S_DATASTORE_ENDPOINT=mysql://s3cret', 'K3S_DATASTORE_ENDPOINT=***'],
    ['Environment=K3S_TOKEN=s3cret K3S_URL=https://a:6443', 'Environment=K3S_TOKEN=*** K3S_URL=https://a:6443'],
    ['Environment="AWS_SECRET_ACCESS_KEY=s3 cret" B=c', 'Environment="AWS_SECRET_ACCESS_KEY=***" B=c'],
    ['HTTPS_PROXY=http://user:s3cret@proxy:1', 'HTTPS_PROXY=http://***@proxy:1'],
    ['K3S_TOKEN_FILE=/path', 'K3S_TOKEN_FILE=/path'],
  ])('%j', (text, expected) => expect(masked(`${text}\n`)).toBe(`${expected}\n`))
})

describe('configuration', () => {
  test.each([
    ['token: s3cret', 'token: "***"'],
    ['"agent-token": "s3cret"', '"agent-token": "***"'],
    ['# token: s3cret', '# token: "***"'],
    [
      'vpn-auth: >-\n  a\n\n  s3cret\nflannel-backend: none',
      'vpn-auth: "***"\n  # ***\n\n  # ***\nflannel-backend: none',
    ],
    ['token:\n- s3cret\ndisable:\n- traefik', 'token: "***"\n# ***\ndisable:\n- traefik'],
    [
      '{"token":"s3cret","flannel-backend":"none",agent-token: s3cret}',
      '{"token":"***","flannel-backend":"none",agent-token: "***"}',
    ],
    ['{\n  "token": "s3cret",\n  "flannel-backend": "none"\n}', '{\n  "token": "***",\n  "flannel-backend": "none"\n}'],
    ['x: K10deadbeef::server:s3cret', 'x: K10***'],
  ])('%j', (text, expected) => {
    expect(masked(`${text}\n`)).toBe(`${expected}\n`)
    expect(() => parse(masked(`${text}\n`))).not.toThrow()
  })
})

test('a secret of any characters is gone from every place it can stand in', () => {
  const secret = fc
    .string({ unit: fc.constantFrom(...'abcXYZ019-_.:/+=@#$%!'), minLength: 6, maxLength: 20 })
    .map((text) => `Q${text}Q`)
  fc.assert(
    fc.property(secret, (value) => {
      const text = [
        `ExecStart={ path=/k3s ; argv[]=/k3s server --token ${value} --agent-token=${value} ; ignore_errors=no ; }`,
        `\t'--token=${value}' \\`,
        `\t'--datastore-endpoint' \\`,
        `\t'${value}' \\`,
        `K3S_TOKEN=${value}`,
        `Environment=K3S_TOKEN=${value} A=b`,
        `token: ${JSON.stringify(value)}`,
        `etcd-s3-secret-key: '${value}'`,
        '',
      ].join('\n')
      expect(masked(text)).not.toContain(value)
    }),
    { numRuns: 30 },
  )
})

test('a text without secrets stays byte for byte', () => {
  const text =
    "[Service]\nExecStart=/usr/local/bin/k3s \\\n    server \\\n\t'--cluster-init' \\\n\nEnvironment=A=b\nnode-ip: 10.0.0.1\n"
  expect(masked(text)).toBe(text)
})
