import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { FailedError } from '../errors.ts'
import { run } from './host.ts'
import { places } from './layout.ts'

const release = 'bookworm'
const mirror = 'http://deb.debian.org/debian'

const packages = [
  ...['systemd', 'systemd-sysv', 'dbus', 'openssh-server', 'sudo', 'procps', 'kmod', 'curl', 'ca-certificates'],
  ...['iproute2', 'iptables', 'ipset', 'conntrack', 'nftables'],
  ...['etcd-server', 'etcd-client'],
]

/** Run in the new root. What belongs to one node alone (keys, machine-id, names) is taken out again. */
const recipe = `
# A K3s node has neither etcd nor etcdctl on its PATH, and no etcd of the distribution running.
mkdir -p /usr/lib/migrate-lab/etcd /usr/lib/migrate-lab/bin /usr/lib/migrate-lab/app /usr/lib/migrate-lab/node_modules
mv /usr/bin/etcd /usr/bin/etcdctl /usr/lib/migrate-lab/etcd/
update-rc.d etcd remove
rm -f /etc/init.d/etcd /lib/systemd/system/etcd*.service /etc/systemd/system/multi-user.target.wants/etcd* /etc/systemd/system/etcd*.service
rm -rf /etc/default/etcd /var/lib/etcd
mkdir -p /var/lib/migrate-lab/faults /var/lib/rancher
# Users to practise sudo with: without and with a password. Debian has a group called operator.
useradd --no-user-group --create-home --uid 1000 --shell /bin/bash operator
useradd --no-user-group --create-home --uid 1001 --shell /bin/bash --groups sudo operatorpw
echo 'operator ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/operator
chmod 0440 /etc/sudoers.d/operator
# The lab looks after these nodes: nothing may upgrade, trim or scan them behind its back, nor wait for a console.
systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \\
  dpkg-db-backup.timer console-getty.service getty@tty1.service systemd-networkd-wait-online.service
rm -f /etc/ssh/ssh_host_* /etc/hostname /etc/machine-id /var/lib/dbus/machine-id /etc/resolv.conf
apt-get clean
rm -rf /var/lib/apt/lists/* /var/log/*.log /var/log/apt /var/log/journal/*
`

/** $1: folder of the finished root, $2: of the cache, $3: recipe. Runs under a lock, in a mount namespace of its own. */
const build = `
[ -d "$1" ] && exit 0
umask 022
exec >"$2/build.log" 2>&1
rm -rf "$2"/*.partial
debootstrap --variant=minbase --include=${packages.join(',')} ${release} "$1.partial" ${mirror}
chroot "$1.partial" sh -eu -c "$3"
mv "$1.partial" "$1"
`

/** The same packages and recipe give the same folder, so that a change of either is never served from the cache. */
export function rootfsPath(): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([release, mirror, packages, recipe]))
    .digest('hex')
  return `${places.cache}/rootfs-${hash.slice(0, 12)}`
}

/** Gives the folder of the nodes' common root file system, building it the first time (about a minute). */
export async function ensureRootfs(say: (line: string) => void): Promise<string> {
  const path = rootfsPath()
  if (existsSync(path)) return path
  mkdirSync(places.cache, { recursive: true })
  const log = `${places.cache}/build.log`
  say(`building the nodes' root file system once, from ${mirror} (${release}, about 300 MB, a minute): ${path}`)
  // Two labs may be started at once: the second waits here and finds the folder made.
  const locked = ['--mount', '--propagation', 'slave', 'sh', '-eu', '-c', build, 'sh', path, places.cache, recipe]
  const { code } = await run(['flock', `${places.cache}/lock`, 'unshare', ...locked])
  if (code !== 0) {
    const tail = readFileSync(log, 'utf8').trim().split('\n').slice(-5).join('\n')
    throw new FailedError(`the root file system could not be built (exit ${code}):\n${tail}`, {
      next: `look at ${log}; ${mirror} must be reachable`,
    })
  }
  return path
}
