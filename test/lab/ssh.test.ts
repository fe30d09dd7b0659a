import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { down, type Lab, power, up } from '../../src/lab/lab.ts'

// Machines with a real sshd, sudo and systemd; K3s is not needed.
const name = 'ssh'
let lab: Lab
beforeAll(async () => {
  lab = await up({ name, servers: 2, agents: 0, cluster: false })
})
afterAll(() => down(name))

async function drill(what: string, node = 's1') {
  const program = join(import.meta.dirname, 'support/ssh-drill.ts')
  const { code, stdout, stderr } = await lab.run([process.execPath, program, lab.inventoryFile, what, node])
  if (code !== 0) throw new Error(`${what} ended with ${code}: ${stderr}`)
  return JSON.parse(stdout)
}

test('two hundred commands at once over one connection: none refused, none mixed up', async () => {
  expect(await drill('many')).toEqual({ wrong: 0 })
})

describe('becoming root', () => {
  test.each([
    ['root', 0],
    ['operator', 0],
    ['operatorpw', 1],
  ])('as %s', async (user, questions) => {
    const result = await drill(`sudo:${user}`)
    expect(result).toMatchObject({ stdout: '0\npayload\n', uids: ['0\n', '0\n'], written: true, leaked: false })
    expect(result.shadowMode).toBe(0o640)
    expect(result.asked).toHaveLength(questions)
  })
})

test('a command that takes the network away runs once, to its end, and its receipt is read afterwards', async () => {
  const result = await drill('detached')
  expect(result.receipt).toMatchObject({
    state: 'ended',
    code: 0,
    stdout: `${['$', '{HOME} $$ %n'].join('')}\nbefore\nafter\n`,
  })
  expect(result.receipt.endedMs - result.receipt.startedMs).toBeGreaterThanOrEqual(3000)
  expect(result).toMatchObject({ same: true, left: '' })
})

test('a node that loses power in the middle of a command: in doubt, not run again', async () => {
  const running = drill('detached-lost', 's2')
  await expect
    .poll(async () => (await lab.exec('s2', ['systemctl', 'is-active', 'cni-migrate-lost-sleep'])).stdout.trim(), {
      timeout: 20_000,
    })
    .toBe('active')
  await sleep(300)
  await power(name, 's2', 'off')
  await power(name, 's2', 'on')
  const result = await running
  expect(result.name).toBe('OutcomeUnknown')
  expect(result.receipt).toMatchObject({ state: 'lost' })
})

test('of four that want the lock of a node one gets it', async () => {
  expect(await drill('lock')).toEqual({ taken: 1, after: null })
})

test('probing twice a second as a unit of the node, which leaves nothing', async () => {
  const result = await drill('probe')
  expect(result.ok).toBeGreaterThanOrEqual(9)
  expect(result.refused).toBeGreaterThanOrEqual(1)
  expect(result).toMatchObject({ broken: 0, left: '' })
})
