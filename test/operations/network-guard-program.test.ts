import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { networkGuardProgram, releaseAgentScript } from '../../src/operations/network-guard-program.ts'

const tools = ['unshare', 'ip', 'tc', 'ipset', 'iptables-nft-restore', 'iptables-legacy-restore']
const sh = (script: string, args: readonly string[] = [], argv: readonly string[] = ['sh']) => {
  const [program = '', ...more] = [...argv, '-s', '--', ...args]
  const path = `${process.env.PATH}:/usr/sbin:/sbin`
  const env = { ...process.env, PATH: path, LC_ALL: 'C' }
  return spawnSync(program, more, { input: script, encoding: 'utf8', env })
}
const missing = tools.filter((tool) => sh(`command -v ${tool}`).status !== 0)
const reason = process.getuid?.() !== 0 ? 'needs root' : missing.length > 0 ? `needs ${missing.join(', ')}` : undefined
if (reason !== undefined) console.warn(`test/operations/network-guard-program.test.ts is skipped: ${reason}`)

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

/**
 * On a machine with a network, a /run and an agent of its own: `before`, then the guard is armed with `args`, then `broken`
 * happens, then it fires, then `after` tells what there is. Gives what it said it did, and what `after` said.
 */
function fired(args: readonly string[], parts: { before?: string; broken: string; after: string }) {
  const script = `
set -e
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /mnt
# Its own processes only: the machine's are none of a test's.
mount -t proc proc /proc
ip link set lo up
ip link add eth0 type veth peer name wire
# No addresses that come up only later.
for end in eth0 wire; do ip link set $end addrgenmode none; done
ip link set wire up
ip address add 192.0.2.10/24 dev eth0
ip link set eth0 up
ip route add default via 192.0.2.1 dev eth0
ip -6 address add 2001:db8::10/64 dev eth0 nodad
mkdir /mnt/bin /mnt/guard
export PATH="/mnt/bin:$PATH"
${parts.before ?? ''}
cd /mnt/guard
sh -c ${quoted(networkGuardProgram.save)} guard-save "$@"
${parts.broken}
sh -c ${quoted(networkGuardProgram.restore)} guard-restore > /mnt/said 2> /mnt/errors
cd /
echo == said
cat /mnt/said
echo == after
${parts.after}
`
  const unshared = ['unshare', '--net', '--mount', '--pid', '--fork', '--propagation', 'private', 'sh']
  const { status, stdout, stderr } = sh(script, args, unshared)
  if (status !== 0) throw new Error(`${stderr}\n${stdout}`)
  const [, said = '', after = ''] = /== said\n([\s\S]*?)== after\n([\s\S]*)$/.exec(stdout) ?? []
  return { said: said.trimEnd().split('\n'), after }
}

describe.skipIf(reason !== undefined)('when it fires', () => {
  test('nothing was broken: nothing is touched, and the agent is held down', () => {
    const before = 'iptables-nft -A INPUT -s 198.51.100.7 -j DROP; ip rule add fwmark 0x7 lookup 77 priority 9'
    const show = 'ip -o link; ip -o address; ip route show table all; ip rule; iptables-nft-save | grep -v "^#"'
    const { said, after } = fired(['agent'], {
      before: `${before}; (${show}) > /mnt/before`,
      broken: ':',
      after: `(${show}) > /mnt/after; diff /mnt/before /mnt/after; cat /run/cilium`,
    })
    expect(said).toEqual(["done: hold Cilium's agent down"])
    expect(after).toBe("put here by the guard of cni-migrate: holds Cilium's agent down\n")
  })

  test('the link, the addresses and the routes are back; what others added meanwhile stays', () => {
    const { said, after } = fired(['-'], {
      broken: `
ip link set eth0 down
ip address flush dev eth0
ip route add 203.0.113.0/24 dev wire`,
      after: 'ip -o link show eth0; ip -o address show dev eth0 scope global; ip route; ip -6 route; ls /run',
    })
    expect(said).toContain('done: set eth0 up')
    expect(said.filter((line) => !line.startsWith('done: '))).toEqual([])
    expect(after).toMatch(/eth0@wire: <[^>]*,UP,/)
    expect(after).toContain('inet 192.0.2.10/24')
    expect(after).toContain('inet6 2001:db8::10/64')
    expect(after).toContain('default via 192.0.2.1 dev eth0')
    expect(after).toContain('203.0.113.0/24 dev wire')
    expect(after, 'nothing is held down where no agent starts').not.toContain('cilium')
  })

  test('what Cilium brought goes, of links, rules and chains; pods keep their links, and what is like it and was there stays', () => {
    const { said, after } = fired(['agent'], {
      before: `
ip link add lxc0123456789ab type veth peer name mine
ip rule add fwmark 0x200/0xf00 lookup 2004 priority 8
iptables-nft -A INPUT -s 198.51.100.7 -j DROP`,
      broken: `
ip link add cilium_host type veth peer name cilium_net
ip link add lxcffffffffffff type veth peer name pod
ip link add lxc_health type veth peer name health
ip rule add fwmark 0x200/0xf00 lookup 2004 priority 9
ip rule add from all lookup local priority 100
ip rule del priority 0
iptables-nft -A INPUT -s 198.51.100.8 -j DROP
iptables-nft -t nat -N CILIUM_POST_nat
iptables-nft -t nat -A CILIUM_POST_nat -j MASQUERADE
iptables-nft -t nat -A POSTROUTING -j CILIUM_POST_nat
iptables-legacy -t raw -N CILIUM_PRE_raw
iptables-legacy -t raw -I PREROUTING -j CILIUM_PRE_raw`,
      after: 'ip -o link | sed "s/^[0-9]*: //; s/[@:].*//"; ip rule; iptables-nft-save; iptables-legacy-save',
    })
    expect(said.filter((line) => line.startsWith('failed'))).toEqual([])
    expect(after).toContain('lxc0123456789ab\n')
    expect(after).toContain('lxcffffffffffff\n')
    expect(after).not.toMatch(/cilium_|lxc_health|CILIUM/)
    expect(after).toMatch(/^0:\tfrom all lookup local/m)
    expect(after).not.toMatch(/^(9|100):/m)
    expect(after).toMatch(/^8:\tfrom all fwmark 0x200\/0xf00 lookup 2004/m)
    expect(after).toContain('-A INPUT -s 198.51.100.7/32 -j DROP\n-A INPUT -s 198.51.100.8/32 -j DROP')
  })

  test('where Cilium carried pods before, its links, chains and state stay', () => {
    const { said, after } = fired(['agent'], {
      before: `
mkdir -p /run/cilium/state/7
ip link add cilium_host type veth peer name cilium_net
ip link set cilium_host up
iptables-nft -N CILIUM_FORWARD
iptables-nft -A FORWARD -j CILIUM_FORWARD`,
      broken: 'ip link add lxcffffffffffff type veth peer name pod; ip link set cilium_host down',
      after: `ip -o link | sed "s/^[0-9]*: //; s/[@:].*//"; iptables-nft-save
sh -c ${quoted(releaseAgentScript)}; sh -c ${quoted(releaseAgentScript)}; ls -d /run/cilium*; ls /run/cilium/state`,
    })
    expect(said).toContain('done: set cilium_host up')
    for (const kept of ['cilium_host\n', 'lxcffffffffffff\n', '-A FORWARD -j CILIUM_FORWARD'])
      expect(after).toContain(kept)
    expect(after, 'released, the state is where it was').toMatch(/\n\/run\/cilium\n7\n$/)
  })

  test.each([
    'nft',
    'legacy',
  ])('%s: the tables that rules were taken from are as they were, with their sets; others stay', (backend) => {
    const iptables = `iptables-${backend}`
    const { said, after } = fired(['-', `ip-${backend} filter`], {
      before: `
ipset create KUBE-SRC-A hash:ip
ipset add KUBE-SRC-A 192.0.2.33
ipset create theirs hash:ip
ipset add theirs 192.0.2.44
${iptables} -N KUBE-ROUTER-INPUT
${iptables} -A KUBE-ROUTER-INPUT -m set --match-set KUBE-SRC-A src -j ACCEPT
${iptables} -A INPUT -p tcp --dport 22 -j ACCEPT
${iptables} -A INPUT -j KUBE-ROUTER-INPUT
${iptables} -P INPUT DROP
${iptables}-save -t filter | sed '/^#/d; s/\\[.*\\]//' > /mnt/before`,
      broken: `
${iptables} -F INPUT
${iptables} -F KUBE-ROUTER-INPUT
${iptables} -X KUBE-ROUTER-INPUT
ipset del theirs 192.0.2.44
until ipset destroy KUBE-SRC-A 2>/dev/null; do sleep 0.05; done
${iptables} -t nat -A POSTROUTING -s 192.0.2.9 -j MASQUERADE`,
      after: `
${iptables}-save -t filter | sed '/^#/d; s/\\[.*\\]//' > /mnt/after
diff /mnt/before /mnt/after
${iptables}-save -t nat
ipset save`,
    })
    expect(said).toEqual(['done: make 1 ipsets anew', `done: put the table filter of ip-${backend} back`])
    expect(after).toContain('-A POSTROUTING -s 192.0.2.9/32 -j MASQUERADE')
    expect(after).toContain('add KUBE-SRC-A 192.0.2.33')
    expect(after, 'what somebody took from a set that stayed is not put back').not.toContain('192.0.2.44')
  })

  test("Cilium's filters go off the host's links, as tc lists them (measured with 1.13.9); nobody else's", () => {
    const shown = (handle: string, name: string) =>
      `filter protocol all pref ${handle.slice(2)} bpf chain 0 handle ${handle} ${name} direct-action not_in_hw id 2484 tag a496a93fd3a2cef5 jited `
    const { said, after } = fired(['agent'], {
      before: `
cat > /mnt/bin/tc <<'END'
#!/bin/sh
case "$*" in
  "filter show dev eth0 ingress") cat /mnt/filters 2>/dev/null ;;
  "filter delete "*) echo "$*" >> /mnt/deleted ;;
esac
exit 0
END
chmod +x /mnt/bin/tc
printf '%s\\n' ${quoted(shown('0x1', 'bpf_overlay.o:[from-overlay]'))} > /mnt/filters`,
      broken: `printf '%s\\n' ${[shown('0x2', 'cil_from_netdev-eth0'), shown('0x3', 'theirs.o:[main]')].map(quoted).join(' ')} >> /mnt/filters`,
      after: 'cat /mnt/deleted',
    })
    expect(said).toContain("done: remove Cilium's filter from eth0 ingress")
    expect(after).toBe('filter delete dev eth0 ingress protocol all pref 2 handle 0x2 bpf\n')
  })

  test("Cilium's agent is ended, and only it", () => {
    const { said, after } = fired(['agent'], {
      before: 'cp "$(command -v sleep)" /mnt/cilium-agent; cp "$(command -v sleep)" /mnt/cilium-operator',
      broken: '/mnt/cilium-agent 60 & agent=$!; /mnt/cilium-operator 60 & operator=$!; sleep 0.2',
      after: 'wait $agent || echo "agent $?"; kill -0 $operator && echo operator; kill $operator',
    })
    expect(said).toContain("done: end Cilium's agent")
    expect(after).toBe('agent 137\noperator\n')
  })
})
