import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { someFacts } from '../operations/some-facts.ts'
import { expectPrintable } from './support/oracle.ts'

const main = new URL('../../src/cli/main.ts', import.meta.url).pathname
const good = readFileSync(new URL('../../inventory/lab.yaml', import.meta.url), 'utf8').replaceAll(
  /\/var\/lib\/cni-migrate-lab\/lab\//g,
  '',
)
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hostile-cli-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const facts = JSON.stringify({ ...someFacts(), cluster: 'lab' })
const canary = join(tmpdir(), 'hostile-was-run')

/** What is wrong, the files there are, the call, and what must be said of it. */
const calls: [what: string, files: Record<string, string | Buffer>, call: string[], said: RegExp][] = [
  [
    'a key of escape sequences',
    { 'i.yaml': `${good}"\u001b[2J": 1\n` },
    ['status'],
    /i\.yaml:\d+:1 "\\u001b\[2J": there is no such key/,
  ],
  [
    'a name that is a command',
    { 'i.yaml': good.replace(/name: s1/, `name: "$(touch ${canary})"`) },
    ['status'],
    /i\.yaml:\d+:\d+ nodes\[0\]\.name: found "\$\(touch/,
  ],
  [
    'an address that is an option',
    { 'i.yaml': good.replace(/address: \S+/, `address: "-oProxyCommand=touch ${canary}"`) },
    ['preflight'],
    /i\.yaml:\d+:\d+ nodes\[0\]\.address: found "-oProxyCommand/,
  ],
  [
    'a YAML bomb',
    {
      'i.yaml': `l0: &l0 [x]\n${Array.from({ length: 9 }, (_, n) => `l${n + 1}: &l${n + 1} [${Array(9).fill(`*l${n}`).join(', ')}]`).join('\n')}\n`,
    },
    ['plan'],
    /i\.yaml:1:1 .*alias/,
  ],
  [
    'ten megabytes',
    { 'i.yaml': Buffer.alloc(10 * 1024 * 1024, 'a') },
    ['plan'],
    /i\.yaml has 10485760 bytes; expected at most/,
  ],
  ['tabs', { 'i.yaml': 'cluster:\n\tname: x\n' }, ['plan'], /i\.yaml:2:1 a tab is used to indent; expected spaces/],
  [
    'Latin-1',
    { 'i.yaml': Buffer.from(`# caf\xe9\n${good}`, 'latin1') },
    ['plan'],
    /i\.yaml: the file is not UTF-8 text/,
  ],
  [
    'facts of another shape',
    { 'i.yaml': good, 'facts.json': facts.replace('"format":1', '"format":"\\u001b[2J"') },
    ['plan', '--facts', 'facts.json'],
    /facts\.json: format: /,
  ],
  [
    'facts nested without end',
    { 'i.yaml': good, 'facts.json': '['.repeat(100_000) + ']'.repeat(100_000) },
    ['plan', '--facts', 'facts.json'],
    /facts\.json is no facts file: it is nested more than 100 levels deep/,
  ],
  [
    'rules that are cut off',
    {
      'i.yaml': good,
      'facts.json': JSON.stringify({
        ...someFacts(),
        cluster: 'lab',
        nodes: {
          ...someFacts().nodes,
          s1: {
            ...someFacts().nodes.s1,
            netfilter: {
              ...someFacts().nodes.s1?.netfilter,
              rulesets: { 'ip-nft': '*filter\n', 'ip-legacy': null, 'ip6-nft': null, 'ip6-legacy': null },
            },
          },
        },
      }),
    },
    ['plan', '--facts', 'facts.json'],
    /s1: ip-nft, line 1: expected COMMIT after the table filter: the text is cut off/,
  ],
  [
    'a plan that is none',
    { 'i.yaml': good, 'plan.json': '{"digest":"\u001b[2J"}' },
    ['run', 'plan.json', '--yes'],
    /plan\.json is no plan: /,
  ],
]

const snapshot = (dir: string) => readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort()

test.each(calls)('%s: one error, exit 2, nothing written and nothing run', (what, files, call, said) => {
  const dir = join(folder, what.replaceAll(' ', '-'))
  mkdirSync(dir)
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(dir, name), text)
    chmodSync(join(dir, name), 0o600)
  }
  for (const name of ['known_hosts', 'id_ed25519']) writeFileSync(join(dir, name), '')
  const before = snapshot(dir)
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...call, '-i', 'i.yaml'], {
    cwd: dir,
    encoding: 'utf8',
    input: '',
  })
  expect(stderr).toMatch(said)
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  expectPrintable(stderr)
  expect(stderr.match(/^error: /gm)).toHaveLength(1)
  expect(stderr).toMatch(/^ {2}next: /m)
  expect(stderr).not.toMatch(/^\s+at |a bug in migrate/m)
  expect(snapshot(dir)).toEqual(before)
  expect(existsSync(canary)).toBe(false)
})
