import fc from 'fast-check'
import { expect } from 'vitest'
import { stringify } from 'yaml'
import { parseInventory } from '../../src/inventory/parse.ts'
import type { InventoryFile } from '../../src/inventory/schema.ts'
import { hostile } from './support/cases.ts'
import { hostileText } from './support/hostile-text.ts'
import { mutated, withNesting } from './support/mutations.ts'
import { cameOf } from './support/oracle.ts'

const good = {
  cluster: { name: 'home' },
  ssh: { user: 'root', port: 22, knownHostsFile: ['a', 'b'], proxyJump: 'me@gate:22' },
  nodes: [
    { name: 's1', role: 'server', address: '192.168.1.11', ssh: { identityFile: '~/.ssh/a' } },
    { name: 's2', role: 'server', address: '192.168.1.12', ssh: { port: 2222, user: 'op' } },
    { name: 'a1', role: 'agent', address: 'a1.example.org' },
  ],
  lifeboat: 's2',
  cilium: {
    version: '1.18.6',
    podCidr: '10.52.0.0/16',
    devices: ['eth0'],
    chart: { repo: 'https://helm.cilium.io' },
    values: { debug: { enabled: true }, extraArgs: ['--a=b'] },
  },
  probes: { externalTargets: ['example.org:443'] },
  stateDir: '.migrate',
}

/** What was accepted holds nothing that a shell, ssh or a path could take for something else. */
function expectHarmless({ cluster, nodes, ssh }: InventoryFile): void {
  expect(cluster.name).toMatch(/^[a-z0-9-]{1,63}$/)
  expect(new Set(nodes.map(({ name }) => name)).size).toBe(nodes.length)
  const words = nodes
    .flatMap((node) => [node.name, node.address, node.ssh?.user, node.ssh?.proxyJump])
    .concat(ssh.user, ssh.proxyJump)
  for (const word of words) expect(word ?? 'none').toMatch(/^[\w[\]:.][\w@%:.,[\]$-]*$/)
}

const parsed = (text: string | Uint8Array) =>
  cameOf(() => {
    const inventory = parseInventory(typeof text === 'string' ? new TextEncoder().encode(text) : text, 'i.yaml')
    expectHarmless(inventory)
    return inventory
  })

hostile('inventory: values', fc.tuple(mutated(good), fc.boolean()), async ([value, flow]) => {
  await parsed(withNesting(stringify(value, flow ? { collectionStyle: 'flow' } : {})))
})

const goodText = stringify(good)
const edit = fc.oneof(
  fc.tuple(fc.nat(goodText.length), fc.constant(0), hostileText),
  fc.tuple(fc.nat(goodText.length), fc.nat(40), fc.constant('')),
  fc.tuple(
    fc.nat(goodText.length),
    fc.nat(3),
    fc.constantFrom(
      '\t',
      '&a ',
      '*a',
      '<<: ',
      '- ',
      '? ',
      '!!binary ',
      '!!set ',
      '!!timestamp ',
      '!x ',
      '|\n',
      '>-\n',
      '---\n',
      '...\n',
      '%YAML 9\n',
      '{',
      '[',
      '"',
      "'",
      '#',
      ': ',
      '\ufeff',
      '[[[[',
      '&a [*a]',
    ),
  ),
)
hostile('inventory: text', fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
  await parsed(edits.reduce((text, [at, length, put]) => text.slice(0, at) + put + text.slice(at + length), goodText))
})
