import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { digest, loadInventory } from '../../src/inventory/load.ts'
import { defaultLabName, labDir, planNodes } from '../../src/lab/layout.ts'

const folder = mkdtempSync(join(tmpdir(), 'inventory-'))
afterAll(() => rmSync(folder, { recursive: true }))

let count = 0
function write(text: string): string {
  const file = join(folder, `i${count++}.yaml`)
  writeFileSync(file, text)
  return file
}

const body = `
nodes:
  - {name: s1, role: server, address: 192.168.1.11}
  - {name: s2, role: server, address: 192.168.1.12, ssh: {port: 2222, identityFile: keys/b}}
  - {name: a1, role: agent, address: 192.168.1.21}
cilium: {version: 1.18.6, chart: {path: charts/cilium.tgz}}
`
const text = `cluster: {name: home}
ssh: {user: admin, port: 22, identityFile: ~/.ssh/a, knownHostsFile: known}
${body}`

test('ssh settings are merged, paths resolved, the lifeboat is the last server', () => {
  const inventory = loadInventory(write(text), { checkFiles: false })
  expect(inventory.lifeboat).toBe('s2')
  expect(inventory.stateDir).toBe(join(folder, '.migrate'))
  expect(inventory.cilium.chart).toEqual({ path: join(folder, 'charts/cilium.tgz') })
  expect(inventory.nodes[0]?.ssh).toEqual({
    user: 'admin',
    port: 22,
    identityFile: join(homedir(), '.ssh/a'),
    knownHostsFile: [join(folder, 'known')],
  })
  expect(inventory.nodes[1]?.ssh).toMatchObject({ user: 'admin', port: 2222, identityFile: join(folder, 'keys/b') })
})

test.each([
  ['the first agent', text, 'a1'],
  ['without agents the first server that is not the lifeboat', text.replace('role: agent', 'role: server'), 's1'],
  [
    'in a cluster of one node that one',
    text.replace(/ {2}- \{name: [sa][12], role: \w+, address: \S+12.*\n|.*name: a1.*\n/g, ''),
    's1',
  ],
])('the canary is %s', (_which, inventory, canary) => {
  expect(loadInventory(write(inventory), { checkFiles: false }).canary).toBe(canary)
})

test('files that are named but not there are told with their place', () => {
  const file = write(text)
  expect(() => loadInventory(file, { checkFiles: true })).toThrow(
    `${file}:2:70 ssh.knownHostsFile: ${join(folder, 'known')} cannot be read: there is no such file; expected a file`,
  )
})

test('the digest is of what a plan depends on, not of who runs it from where', () => {
  const load = (content: string) => digest(loadInventory(write(content), { checkFiles: false }))
  const mine = load(text)
  expect(load(`# a comment\n${text.replace('user: admin', 'user: root')}\nstateDir: /elsewhere\n`)).toBe(mine)
  expect(load(text.replace('1.18.6', '1.18.7'))).not.toBe(mine)
  expect(load(text.replace('192.168.1.21', '192.168.1.22'))).not.toBe(mine)
})

test('what is no file is told, with what to do', () => {
  expect(() => loadInventory(join(folder, 'none.yaml'), { checkFiles: false })).toThrow(
    /cannot be read: there is no such file/,
  )
  expect(() => loadInventory(folder, { checkFiles: false })).toThrow(/is not a file/)
})

test('the example loads, and shows every key', () => {
  const url = new URL('../../inventory/example.yaml', import.meta.url)
  const lines = readFileSync(url, 'utf8').split('\n')
  expect(loadInventory(url.pathname, { checkFiles: false }).cluster.name).toBe('home')

  const schema = JSON.parse(readFileSync(new URL('../../inventory/schema.json', import.meta.url), 'utf8'))
  const keys: string[] = []
  const collect = (part: { properties?: object; items?: object; anyOf?: object[] }): void => {
    for (const [key, child] of Object.entries(part.properties ?? {})) {
      keys.push(key)
      collect(child)
    }
    if (part.items) collect(part.items)
    for (const option of part.anyOf ?? []) collect(option)
  }
  collect(schema)
  const isShown = (key: string) => lines.some((line) => new RegExp(`^[#\\s-]*${key}:|\\{${key}:`).test(line))
  expect(keys.filter((key) => !isShown(key))).toEqual([])
})

test('lab.yaml is the cluster that the lab makes', () => {
  const lab = loadInventory(new URL('../../inventory/lab.yaml', import.meta.url).pathname, { checkFiles: false })
  expect(lab.nodes.map(({ name, role, address }) => ({ name, role, address }))).toEqual(planNodes(3, 1))
  expect(lab.nodes[0]?.ssh.identityFile).toBe(`${labDir(defaultLabName)}/id_ed25519`)
})
