import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { ciliumLeftoversScript } from '../../src/operations/cilium-leftovers-script.ts'

const reason = process.getuid?.() !== 0 ? 'needs root' : undefined
if (reason !== undefined) console.warn(`test/operations/cilium-leftovers-script.test.ts is skipped: ${reason}`)

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
const path = `${process.env.PATH}:/usr/sbin:/sbin`

/** On a machine with files, links and rules of its own: `before`, the script with `kept` twice, then what `after` says. */
function freed(parts: { before: string; kept?: readonly string[]; after: string }): string {
  const clean = `sh -c ${quoted(ciliumLeftoversScript)} cilium-leftovers ${(parts.kept ?? []).map(quoted).join(' ')}`
  const script = `
set -e
for place in /run /etc /opt /var/lib /sys/fs/bpf /mnt; do mount -t tmpfs tmpfs "$place"; done
ip link set lo up
ip link add eth0 type veth peer name wire
mkdir /mnt/bin
PATH="/mnt/bin:$PATH"
${parts.before}
${clean}
${clean}
${parts.after}
`
  const argv = ['--net', '--mount', '--propagation', 'private', 'sh', '-s']
  const ended = spawnSync('unshare', argv, { input: script, encoding: 'utf8', env: { ...process.env, PATH: path } })
  if (ended.status !== 0) throw new Error(`${ended.stderr}\n${ended.stdout}`)
  return ended.stdout
}

describe.skipIf(reason !== undefined)('what Cilium left goes; beside it, nobody else has lost anything', () => {
  test('links and rules', () => {
    const left = freed({
      before: `
ip link add cilium_host type veth peer name cilium_net
ip link add lxc0123456789ab type veth peer name pod
ip link add lxc-mine type veth peer name mine
ip rule add fwmark 0x200/0xf00 lookup 2004 priority 9
ip rule add fwmark 0x700/0xf00 lookup 77 priority 9
ip rule add from all lookup local priority 100
ip rule del priority 0`,
      after: 'ip -o link | sed "s/^[0-9]*: //; s/[@:].*//"; ip rule',
    })
    expect(left.split('\n').slice(0, 5).sort()).toEqual(['eth0', 'lo', 'lxc-mine', 'mine', 'wire'])
    expect(left).toMatch(/^9:\tfrom all fwmark 0x700\/0xf00 lookup 77/m)
    expect(left).not.toMatch(/2004|^100:/m)
    expect(left).toMatch(/^0:\tfrom all lookup local/m)
  })

  test('filters on a link of the host, as tc lists them: of one direction only those that are Cilium’s', () => {
    const shown = (number: number, name: string) =>
      `filter protocol all pref ${number} bpf chain 0 handle 0x${number} ${name} direct-action not_in_hw id 2484 tag a496a93fd3a2cef5 jited`
    const lines = [
      shown(1, 'cil_from_netdev-eth0'),
      shown(2, 'theirs.o:[main]'),
      shown(3, 'bpf_netdev_eth0.o:[from-netdev]'),
    ]
    const left = freed({
      before: `
cat > /mnt/bin/tc <<'END'
#!/bin/sh
case "$*" in
  "filter show dev eth0 ingress") printf '%s\\n' ${lines.map(quoted).join(' ')} ;;
  "filter delete "*) echo "$*" >> /mnt/said ;;
esac
END
chmod +x /mnt/bin/tc`,
      after: 'sort -u /mnt/said',
    })
    expect(left).toBe(
      [1, 3].map((n) => `filter delete dev eth0 ingress protocol all pref ${n} handle 0x${n} bpf\n`).join(''),
    )
  })

  test('files: what was there before stays, a configuration that Cilium renamed has its name again', () => {
    const left = freed({
      before: `
mkdir -p /etc/cni/net.d /opt/cni/bin /etc/sysctl.d /run/cilium/state /var/lib/cilium /sys/fs/bpf/cilium
mkdir -p /var/lib/rancher/k3s/agent/etc/cni/net.d
touch /etc/cni/net.d/05-cilium.conflist /etc/cni/net.d/10-mine.conflist.cilium_bak /etc/cni/net.d/20-kept.conf.cilium_bak
touch /opt/cni/bin/cilium-cni /opt/cni/bin/loopback /etc/sysctl.d/99-zzz-override_cilium.conf /etc/sysctl.d/90-mine.conf
touch /var/lib/rancher/k3s/agent/etc/cni/net.d/10-flannel.conflist.cilium_bak`,
      kept: ['/opt/cni/bin/loopback', '/etc/cni/net.d/20-kept.conf.cilium_bak', '/opt/cni'],
      after:
        'find /etc /opt /run /var/lib /sys/fs/bpf -type f | sort; ls -d /run/cilium /var/lib/cilium /sys/fs/bpf/cilium 2>&1 | grep -c "No such"',
    })
    expect(left.trimEnd().split('\n')).toEqual([
      '/etc/cni/net.d/10-mine.conflist',
      '/etc/cni/net.d/20-kept.conf.cilium_bak',
      '/etc/sysctl.d/90-mine.conf',
      '/opt/cni/bin/loopback',
      '/var/lib/rancher/k3s/agent/etc/cni/net.d/10-flannel.conflist',
      '3',
    ])
  })
})
