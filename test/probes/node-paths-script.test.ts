import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { parsePaths, pathsScript } from '../../src/probes/node-paths.ts'
import { machine, noMachine } from '../facts/machine.ts'

const noListener = spawnSync('sh', ['-c', 'command -v systemd-socket-activate']).status !== 0

/** One node that tries itself: what goes through the rules of its own packet filter. */
async function tried(setup: string, lines: readonly string[], ...listen: string[]) {
  const outcome = await machine('s1', { setup: `ip addr add 10.99.0.11/32 dev lo\n${setup}` }).run({
    argv: ['bash', '-c', pathsScript, 'node-paths', 'tok', 's1', '10.99.0.11', '2', '1.2', ...listen],
    mode: 'read',
    stdin: lines.map((line) => `${line}\n`).join(''),
    timeoutMs: 20_000,
  })
  if (outcome.kind !== 'exited') throw new Error(outcome.kind)
  return parsePaths(outcome.stdout, 'tok')
}

const lines = ['0 udp 10.99.0.11 8473 again', '1 tcp 10.99.0.11 4240 again', '2 tcp 10.99.0.11 6443 once']

describe.skipIf(noMachine !== undefined || noListener)('the script on a node', () => {
  test('its listeners are found, where nobody listens it is refused, and datagrams tell who sent them', async () => {
    const said = await tried('', lines, 'udp:8473', 'tcp:4240')
    expect(Object.fromEntries(said.listening)).toEqual({ 'udp:8473': true, 'tcp:4240': true })
    expect(Object.fromEntries(said.tries)).toEqual({ 1: 'open', 2: 'refused' })
    expect([...said.arrived]).toEqual(['8473 s1'])
  })

  test('what a packet filter drops is lost or times out, what it rejects is refused although somebody listens', async () => {
    const rules = `iptables -A INPUT -p udp --dport 8473 -j DROP; iptables -A INPUT -p tcp --dport 4240 -j REJECT --reject-with tcp-reset
iptables -A INPUT -p tcp --dport 6443 -j DROP`
    const said = await tried(rules, lines, 'udp:8473', 'tcp:4240')
    expect(Object.fromEntries(said.tries)).toEqual({ 1: 'refused', 2: 'timeout' })
    expect([...said.arrived]).toEqual([])
  })

  test('a port that is in use is not listened on', async () => {
    const vxlan = 'ip link add vx0 type vxlan id 1 local 10.99.0.11 dstport 8473 nolearning; ip link set vx0 up'
    expect(Object.fromEntries((await tried(vxlan, [], 'udp:8473')).listening)).toEqual({ 'udp:8473': false })
  })
})
