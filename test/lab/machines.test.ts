import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { must, prepareHost, until } from '../../src/lab/host.ts'
import { breakNode, down, find, type Lab, list, mendNode, power, up } from '../../src/lab/lab.ts'
import { ensureRootfs } from '../../src/lab/rootfs.ts'

// Other labs may run on this machine: what is theirs is left out of every comparison.
const [name, second, killed] = ['machines', 'machines-2', 'machines-killed']
const mine = (text: string) => text.includes('lab-machines') || text.includes('cni-migrate-lab.machines')
const foreignLab = (text: string) => /\blab-[a-z]/.test(text) && !mine(text)

/** This machine may have no iptables: the nodes' one is run in this machine's network, in a mount namespace of its own. */
async function withNodesTools(program: string): Promise<string> {
  const script = 'mount --bind /proc "$1/proc"; exec chroot "$1" "$2"'
  const text = await must(['unshare', '--mount', 'sh', '-euc', script, 'sh', await ensureRootfs(() => {}), program])
  return text.replaceAll(/^#.*\n/gm, '')
}

/** Everything of this machine that a lab must not change, in its own network namespace and out of it. */
async function hostState() {
  const namespaces = existsSync('/run/netns') ? readdirSync('/run/netns').sort() : []
  return {
    links: await must(['ip', '-o', 'link']),
    addresses: (await must(['ip', '-o', 'address'])).replaceAll(/valid_lft \S+|preferred_lft \S+/g, ''),
    rules: await must(['ip', 'rule']),
    routes: await must(['ip', 'route', 'show', 'table', 'all']),
    iptables: await withNodesTools('iptables-nft-save'),
    legacy: await withNodesTools('iptables-legacy-save'),
    sysctl: ['vm/overcommit_memory', 'kernel/panic', 'net/ipv4/ip_forward', 'net/bridge/bridge-nf-call-iptables'].map(
      (key) => (existsSync(`/proc/sys/${key}`) ? readFileSync(`/proc/sys/${key}`, 'utf8') : null),
    ),
    mounts: readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .filter((line) => !line.includes(' /run/netns') && !foreignLab(line)),
    namespaces: namespaces.filter((one) => !foreignLab(one) && !one.startsWith('cni-')),
  }
}

function ownProcesses(): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      const text = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      return /systemd-nspawn/.test(text) && mine(text) ? [text] : []
    } catch {
      return []
    }
  })
}

async function ownCgroups(): Promise<string[]> {
  const found = await must([
    'find',
    '/sys/fs/cgroup',
    '-maxdepth',
    '3',
    '-type',
    'd',
    '-name',
    'cni-migrate-lab.machines*',
  ])
  return found.split('\n').filter(Boolean)
}

/** ssh as an operator does it: strict about host keys, with the lab's own files only. */
function ssh(lab: Lab, user: string, address: string, command: string, stdin = '') {
  const options = ['-F', 'none', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=yes', '-o', 'ConnectTimeout=5']
  const files = ['-i', `${lab.stateDir}/id_ed25519`, '-o', `UserKnownHostsFile=${lab.stateDir}/known_hosts`]
  return lab.run(['ssh', ...options, ...files, `${user}@${address}`, command], { stdin })
}

async function takeDownAll() {
  for (const one of list()) if ([name, second, killed].includes(one.name)) await down(one.name)
}

let before: Awaited<ReturnType<typeof hostState>>
let lab: Lab
let upMs: number

beforeAll(async () => {
  await takeDownAll()
  await prepareHost(() => {})
  before = await hostState()
  const said: [number, string][] = []
  lab = await up({ name, servers: 2, agents: 0, cluster: false, say: (line) => said.push([performance.now(), line]) })
  const begun = said.find(([, line]) => line.startsWith('making '))?.[0] ?? 0
  upMs = performance.now() - begun
})
afterAll(takeDownAll)

describe('a lab that is up', () => {
  test('booted to ssh in seconds', () => {
    expect(upMs).toBeLessThan(15_000)
  })

  test('shows nothing of itself on the host but the names of its namespaces', async () => {
    const { namespaces, ...host } = await hostState()
    const { namespaces: namespacesBefore, ...hostBefore } = before
    expect(host).toEqual(hostBefore)
    const added = namespaces.filter((one) => !namespacesBefore.includes(one))
    expect(added).toEqual(['bridge', 'operator', 's1', 's2'].map((one) => `lab-${name}-${one}`))
  })

  test('is reached by ssh with the keys it wrote down, and says who it is', async () => {
    for (const node of lab.nodes) {
      expect(await ssh(lab, 'root', node.address, 'hostname')).toMatchObject({ code: 0, stdout: `${node.name}\n` })
    }
    const names = await ssh(lab, 'root', '192.168.77.11', 'getent hosts s1 s2 | tr -s " "')
    expect(names.stdout).toBe('192.168.77.11 s1\n192.168.77.12 s2\n')
  })

  test('has sudo without and with a password, and Debian’s own sshd settings', async () => {
    expect((await ssh(lab, 'operator', '192.168.77.11', 'sudo -n id -un')).stdout).toBe('root\n')
    expect((await ssh(lab, 'operatorpw', '192.168.77.11', 'sudo -n id -un')).code).not.toBe(0)
    const password = readFileSync(`${lab.stateDir}/operatorpw.password`, 'utf8')
    expect((await ssh(lab, 'operatorpw', '192.168.77.11', 'sudo -S id -un', password)).stdout).toBe('root\n')
    const { stdout } = await lab.exec('s1', ['sshd', '-T'])
    expect(stdout).toMatch(/^permitrootlogin without-password$/m)
    expect(stdout).toMatch(/^maxsessions 10$/m)
  })

  test.each([
    [
      'neither etcd nor etcdctl on PATH',
      '! command -v etcd && ! command -v etcdctl && test -x /usr/lib/migrate-lab/etcd/etcd',
    ],
    ['no etcd of the distribution', '! systemctl cat etcd'],
    ['bpffs', 'test "$(stat -f -c %T /sys/fs/bpf)" = bpf_fs'],
    ['network sysctls can be written', 'sysctl -w net.ipv4.ip_forward=1'],
    [
      'what K3s writes but is the host’s takes a write',
      'echo 1 > /proc/sys/vm/overcommit_memory && echo 10 > /proc/sys/kernel/panic',
    ],
    ['mounts propagate', 'findmnt -n -o PROPAGATION / | grep -qx shared'],
    ['K3s’ folder is not on the overlay', 'test "$(stat -f -c %T /var/lib/rancher)" != overlayfs'],
    ['kernel log', 'test -c /dev/kmsg'],
    ['cgroups can be made', 'cd /sys/fs/cgroup; test -d pids && cd pids; mkdir try && rmdir try'],
    [
      'the program is bound read-only',
      'test -e /usr/lib/migrate-lab/app/package.json && ! touch /usr/lib/migrate-lab/app/x',
    ],
    ['its Node runs', '/usr/lib/migrate-lab/bin/node --version'],
    ['units are known and not started', 'systemctl cat k3s && test "$(systemctl is-active k3s)" = inactive'],
    ['the token is root’s alone', 'test "$(stat -c %a /etc/systemd/system/k3s.service.env)" = 600'],
    ['nothing failed at boot', 'systemctl is-system-running --wait'],
    ['what is not there is refused, not waited for', 'curl -sS --max-time 5 http://198.51.100.1/; test $? = 7'],
    ['vxlan', 'ip link add v0 type vxlan id 1 dstport 8472 dev eth0 && ip link set v0 up && ip link delete v0'],
    [
      'iptables and ipset',
      'iptables -A INPUT -m comment --comment x -j ACCEPT && ipset create t hash:ip && ipset destroy t && iptables -F',
    ],
  ])('gives K3s what it needs: %s', async (_, script) => {
    const { code, stdout, stderr } = await lab.exec('s2', ['sh', '-c', script])
    expect({ code, said: stdout + stderr }).toMatchObject({ code: 0 })
  })

  test('passes on exit code, environment and working directory on the operator’s side', async () => {
    const script = 'pwd; echo $X; ip -o -4 addr show dev eth0; command -v migrate; exit 7'
    const { code, stdout } = await lab.run(['sh', '-c', script], { cwd: '/usr', env: { X: 'y' } })
    expect(code).toBe(7)
    expect(stdout).toMatch(/^\/usr\ny\n.* inet 192\.168\.77\.2\/24 .*\n\/.*\/bin\/migrate\n$/)
  })

  test('takes faults on and off a node', async () => {
    const faults = () => list().find((one) => one.name === name)?.nodes[0]?.faults
    breakNode(name, 's1', { name: 'reject-gap', value: '3' })
    expect((await lab.exec('s1', ['cat', '/var/lib/migrate-lab/faults/reject-gap'])).stdout).toBe('3')
    expect(faults()).toEqual(['reject-gap'])
    mendNode(name, 's1', 'reject-gap')
    expect(faults()).toEqual([])
    expect(() => mendNode(name, 's1', 'reject-gap')).toThrow(/does not have the fault/)
  })

  test('refuses a second lab of its name', async () => {
    await expect(up({ name, cluster: false })).rejects.toThrow(/is there already/)
  })
})

test('a power failure loses /run, links and rules, and keeps files, keys and address', async () => {
  const mark = [
    'echo kept > /etc/kept; echo kept > /var/lib/rancher/kept; echo lost > /run/lost',
    'ip link add lost type bridge; ip route add 198.51.100.0/24 dev eth0; ip rule add from 198.51.100.1 lookup 7',
    'iptables -A INPUT -s 198.51.100.1 -j DROP; ipset create lost hash:ip',
  ]
  expect(await lab.exec('s2', ['sh', '-euc', mark.join('\n')])).toMatchObject({ code: 0 })
  const machineId = (await lab.exec('s2', ['cat', '/etc/machine-id'])).stdout
  await power(name, 's2', 'off')
  expect(find(name).nodes.map((node) => node.pid !== null)).toEqual([true, false])
  expect((await ssh(lab, 'root', '192.168.77.12', 'true')).code).toBe(255)
  await expect(lab.exec('s2', ['true'])).rejects.toThrow('s2 is off')
  await expect(power(name, 's2', 'off')).rejects.toThrow('s2 is off already')
  expect((await ssh(lab, 'root', '192.168.77.11', 'hostname')).stdout).toBe('s1\n')

  await power(name, 's2', 'on')
  expect((await ssh(lab, 'root', '192.168.77.12', 'cat /etc/kept /var/lib/rancher/kept')).stdout).toBe('kept\nkept\n')
  expect((await lab.exec('s2', ['cat', '/etc/machine-id'])).stdout).toBe(machineId)
  const rest = await lab.exec('s2', ['sh', '-c', 'ls /run; ip link; ip route; ip rule; iptables-save; ipset list -n'])
  expect(rest.stdout).not.toMatch(/lost|198\.51\.100/)
})

test('two labs side by side have the same addresses and do not see each other', async () => {
  const other = await up({ name: second, servers: 1, agents: 1, iptables: 'legacy', cluster: false })
  expect((await other.exec('s1', ['iptables', '--version'])).stdout).toMatch(/legacy/)
  expect((await lab.exec('s1', ['iptables', '--version'])).stdout).toMatch(/nf_tables/)
  expect((await other.exec('s1', ['sh', '-c', 'echo other > /etc/which'])).code).toBe(0)
  expect((await ssh(other, 'root', '192.168.77.11', 'cat /etc/which')).stdout).toBe('other\n')
  // The same address, another machine: its key is not the one that the first lab knows.
  expect((await ssh(lab, 'root', '192.168.77.11', 'cat /etc/which')).code).toBe(1)
  await down(second)
  expect(list().map((one) => one.name)).not.toContain(second)
  expect((await ssh(lab, 'root', '192.168.77.11', 'hostname')).stdout).toBe('s1\n')
  expect((await ssh(lab, 'root', '192.168.77.12', 'hostname')).stdout).toBe('s2\n')
})

// Killed while it makes the network, and when its nodes already boot.
test.each([
  'id_ed25519',
  'nodes/s2/pid',
])('a lab whose maker was killed at %s is listed and taken down', async (file) => {
  const script = `import { up } from './src/lab/lab.ts'; await up({ name: '${killed}', servers: 2, agents: 1, cluster: false })`
  const maker = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: new URL('../..', import.meta.url),
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = new Promise((resolve) => maker.on('exit', (_, signal) => resolve(signal)))
  await until({ waitingFor: () => file, timeoutMs: 60_000, everyMs: 5 }, () =>
    existsSync(`/var/lib/cni-migrate-lab/${killed}/${file}`) ? true : undefined,
  )
  maker.kill('SIGKILL')
  expect(await ended).toBe('SIGKILL')
  expect(list().find((one) => one.name === killed)).toMatchObject({ complete: false })
  // Not even what the maker wrote down is needed.
  writeFileSync(`/var/lib/cni-migrate-lab/${killed}/lab.json`, '{')
  expect(list().find((one) => one.name === killed)).toMatchObject({ complete: false, createdAt: null })
  await down(killed)
  expect(list().map((one) => one.name)).not.toContain(killed)
  expect(ownProcesses().filter((text) => text.includes(killed))).toEqual([])
})

test('nothing stays when it is taken down', async () => {
  expect(ownProcesses()).toHaveLength(2)
  expect((await ownCgroups()).length).toBeGreaterThan(0)
  await down(name)
  expect(ownProcesses()).toEqual([])
  expect(await ownCgroups()).toEqual([])
  expect(existsSync(lab.stateDir)).toBe(false)
  expect(await hostState()).toEqual(before)
  await expect(down(name)).rejects.toThrow(/there is no lab/)
})
