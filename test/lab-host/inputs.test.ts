import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { labCommand } from '../../src/cli/lab.ts'
import { InputError } from '../../src/errors.ts'
import { inventorySchema } from '../../src/inventory/schema.ts'
import { application } from '../../src/lab/application.ts'
import { parseFault } from '../../src/lab/faults.ts'
import { writeInventory } from '../../src/lab/inventory-file.ts'
import { find } from '../../src/lab/lab.ts'
import { planNodes } from '../../src/lab/layout.ts'
import { checkRealK3s } from '../../src/lab/real-k3s.ts'

const scratch = () => mkdtempSync(join(tmpdir(), 'lab-inputs-'))

test('the inventory it writes is one that the schema takes', () => {
  const dir = scratch()
  writeInventory(dir, 'lab', planNodes(3, 1))
  const inventory = inventorySchema.parse(parse(readFileSync(join(dir, 'inventory.yaml'), 'utf8')))
  expect(inventory.nodes.map((node) => node.role)).toEqual(['server', 'server', 'server', 'agent'])
  expect(inventory.ssh.knownHostsFile).toBe('known_hosts')
})

test('a fault has a name from the table and a value of its own or the usual one', () => {
  expect(parseFault('reject-gap')).toEqual({ name: 'reject-gap', value: '2' })
  expect(parseFault('reject-gap=5')).toEqual({ name: 'reject-gap', value: '5' })
  expect(parseFault('cilium-crash=link-down')).toEqual({ name: 'cilium-crash', value: 'link-down' })
  for (const text of ['', 'toString', '../etc/passwd', 'reject-gap2'])
    expect(() => parseFault(text)).toThrow(InputError)
})

test('a real K3s must be a file, with archives in a folder', () => {
  const dir = scratch()
  const binary = join(dir, 'k3s')
  expect(() => checkRealK3s({ binary, images: dir })).toThrow(/no such file/)
  writeFileSync(binary, '')
  expect(() => checkRealK3s({ binary: dir, images: dir })).toThrow(/expected the k3s program/)
  expect(() => checkRealK3s({ binary, images: join(dir, 'none') })).toThrow(/expected a folder/)
  expect(() => checkRealK3s({ binary, images: dir })).toThrow(/no image archive/)
  writeFileSync(join(dir, 'k3s-airgap-images-amd64.tar.zst'), '')
  expect(checkRealK3s({ binary, images: dir })).toEqual({ binary, images: dir })
})

test('nodes see the program at the paths that the stand-in uses', () => {
  const { binds, entry } = application()
  expect(entry).toBe('/usr/lib/migrate-lab/app/src/lab/standin/k3s.ts')
  expect(binds[0]).toEqual([join(import.meta.dirname, '../..'), '/usr/lib/migrate-lab/app'])
})

test('a lab that is not there is an input error that names it', () => {
  expect(() => find('no-such-lab')).toThrow('there is no lab "no-such-lab"')
})

test.each([
  ['up', '--servers', '3x'],
  ['up', '--servers', '0'],
  ['up', '--k3s', '/bin/sh'],
  ['up', '--name', 'Not a name'],
  ['exec', '--name', 'no-such-lab', '--', 'true'],
  ['break', '--name', 'no-such-lab', 's1', 'no-such-fault'],
  ['break', 's1'],
  ['break', 's1', 'power-off', '--mend', 'reject-gap'],
  ['down', '--name', 'no-such-lab'],
])('migrate lab %s %s %s ... is an input error before anything is touched', async (...args) => {
  const command = labCommand()
  await expect(command.parseAsync(args, { from: 'user' })).rejects.toThrow(InputError)
})
