import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { SshSettings } from '../../src/inventory/schema.ts'
import { resolveEndpoint } from '../../src/nodes/ssh-config.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ssh-config-'))
  mkdirSync(join(home, '.ssh'))
})
afterEach(() => rmSync(home, { recursive: true }))

function endpoint(config: string, ssh: SshSettings = {}, address = 'n1', program = 'ssh') {
  const configFile = join(home, '.ssh', 'config')
  writeFileSync(configFile, config)
  const environment = { home, user: 'me', agentSocket: '/run/agent', ssh: program }
  return resolveEndpoint({ name: 'node-1', role: 'server', address, ssh: { configFile, ...ssh } }, environment)
}

describe('from the ssh configuration', () => {
  test('host name, user, port, keys, known hosts', async () => {
    const config = `Host n1
  HostName 10.0.0.9
  User admin
  Port 2200
  IdentityFile ~/.ssh/cluster
  IdentitiesOnly yes
  UserKnownHostsFile /etc/kh_%h /etc/other
  GlobalKnownHostsFile /dev/null`
    expect(await endpoint(config)).toMatchObject({
      label: 'node-1',
      host: '10.0.0.9',
      port: 2200,
      user: 'admin',
      knownAs: '10.0.0.9',
      knownPort: 2200,
      identityFiles: [join(home, '.ssh/cluster')],
      identitiesOnly: true,
      knownHostsFiles: ['/etc/kh_10.0.0.9', '/etc/other', '/dev/null'],
      agentSocket: '/run/agent',
      jumps: [],
    })
  })

  test('Match by the user of the inventory', async () => {
    const config = 'Match user deploy\n  Port 2201\n'
    expect((await endpoint(config, { user: 'deploy' })).port).toBe(2201)
  })

  test('an alias for the host key has no port', async () => {
    expect(await endpoint('Host n1\n  HostKeyAlias cluster\n  Port 2200\n')).toMatchObject({
      port: 2200,
      knownAs: 'cluster',
      knownPort: 22,
    })
  })

  test('an agent of its own, or none', async () => {
    expect((await endpoint('IdentityAgent /run/my-agent')).agentSocket).toBe('/run/my-agent')
    expect((await endpoint('IdentityAgent none')).agentSocket).toBeUndefined()
  })

  test('jump hosts in order, each looked up, with their own host keys', async () => {
    const config = `Host n1
  ProxyJump bob@b1:2222,b2
Host b1
  HostName 192.0.2.1
Host b2
  User carol`
    const { jumps } = await endpoint(config, { hostKey: 'ssh-ed25519 AAAA' })
    expect(jumps.map((jump) => `${jump.user}@${jump.host}:${jump.port}`)).toEqual(['bob@192.0.2.1:2222', 'carol@b2:22'])
    expect(jumps.every((jump) => jump.pinnedKey === undefined)).toBe(true)
  })

  test('a jump host that has one itself', async () => {
    const { jumps } = await endpoint('Host n1\n  ProxyJump b2\nHost b2\n  ProxyJump b1\n')
    expect(jumps.map((jump) => jump.host)).toEqual(['b1', 'b2'])
  })

  test('a circle of jump hosts is told', async () => {
    await expect(endpoint('Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n', {}, 'a')).rejects.toThrow(/circle/)
  })
})

test('what the inventory says wins', async () => {
  const settings = { user: 'root', port: 23, identityFile: '/k', knownHostsFile: ['/kh'], proxyJump: 'other' }
  const config = 'Host *\n  User x\n  Port 9\n  IdentityFile /z\n  IdentityAgent none\nHost n1\n  ProxyJump b1\n'
  expect(await endpoint(config, settings)).toMatchObject({
    user: 'root',
    port: 23,
    identityFiles: ['/k'],
    identitiesOnly: true,
    knownHostsFiles: ['/kh'],
    jumps: [{ host: 'other', port: 9 }],
  })
})

test('without an ssh program only the inventory counts, and that is said', async () => {
  const found = await endpoint('Host n1\n  Port 99\n', {}, 'n1', join(home, 'no-ssh'))
  expect(found).toMatchObject({ host: 'n1', port: 22, user: 'me', notes: [expect.stringContaining('was not read')] })
})

test('a configuration that ssh refuses is shown in its words', async () => {
  await expect(endpoint('Nonsense yes\n')).rejects.toThrow(/node-1: ssh cannot read .*nonsense/i)
})

test('a ProxyCommand is refused with what to use instead', async () => {
  await expect(endpoint('ProxyCommand nc %h %p\n')).rejects.toThrow(/ProxyCommand .* not supported/)
})
