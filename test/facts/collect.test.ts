import { readFileSync } from 'node:fs'
import { describe, expect, test, vi } from 'vitest'
import { collect, collectScript } from '../../src/facts/collect.ts'
import { nodeFamilies } from '../../src/facts/facts.ts'
import type { Node } from '../../src/nodes/node.ts'
import { machine, noMachine } from './machine.ts'

// Each machine is some dozen processes, and this may run on a busy one.
vi.setConfig({ testTimeout: 60_000 })

if (noMachine !== undefined) console.warn(`part of test/facts/collect.test.ts is skipped: ${noMachine}`)

const recorded = (path: string) => readFileSync(new URL(`../fixtures/${path}`, import.meta.url), 'utf8')
const clock = { nowMs: Date.now, sleep: () => Promise.resolve() }
const options = { address: '10.99.0.11', nodeNames: ['localhost', 'nosuch.invalid'], clock }

const id = (digit: string) => digit.repeat(64)
const pod = (digit: string, name: string, state = 'SANDBOX_READY') => ({
  id: id(digit),
  metadata: { attempt: 0, name, namespace: 'data', uid: `uid-${name}` },
  state,
  createdAt: '1763708912123456789',
})
const inspection = (digit: string, ip: string, namespaces: object[], network = 'POD') => ({
  status: { id: id(digit), network: { additionalIps: [], ip }, linux: { namespaces: { options: { network } } } },
  info: { runtimeSpec: { linux: { namespaces } } },
})
const netns = { type: 'network', path: '/var/run/netns/cni-1' }
const crictl = {
  pods: JSON.stringify({
    items: [pod('1', 'web'), pod('2', 'host'), pod('3', 'done', 'SANDBOX_NOTREADY'), pod('4', 'gone')],
  }),
  // As crictl before 1.31 prints several.
  inspectp: [
    inspection('1', '10.42.0.5', [{ type: 'pid' }, netns]),
    inspection('2', '', [{ type: 'pid' }], 'NODE'),
    inspection('3', '10.42.0.6', []),
  ]
    .map((one) => JSON.stringify(one))
    .join('\n'),
  ps: JSON.stringify({
    containers: [
      { metadata: { name: 'main' }, state: 'CONTAINER_RUNNING', labels: { 'io.kubernetes.pod.uid': 'uid-web' } },
    ],
  }),
  images: JSON.stringify({
    images: [{ repoTags: ['docker.io/library/a:1'], repoDigests: ['docker.io/library/a@sha256:0'] }, { repoTags: [] }],
  }),
}
const metrics = [
  '# HELP etcd_server_has_leader x',
  'etcd_server_has_leader 1',
  'etcd_server_is_learner 0',
  'etcd_network_active_peers{Local="1",Remote="2"} 1',
  'etcd_network_active_peers{Local="1",Remote="3"} 0',
  'etcd_mvcc_db_total_size_in_bytes 2.048e+07',
  'etcd_disk_wal_fsync_duration_seconds_bucket{le="0.001"} 90',
  'etcd_disk_wal_fsync_duration_seconds_bucket{le="0.002"} 100',
  'etcd_disk_wal_fsync_duration_seconds_bucket{le="+Inf"} 100',
].join('\n')

const unit = '/etc/systemd/system/k3s.service'
/** The recorded server with tokens in all places, a drop-in, and what is only found on newer releases. */
const show = recorded('facts/systemctl-show-k3s.txt').replace(
  'server --cluster-init',
  'server --token s3cret-a --cluster-init',
)
const data = '/var/lib/rancher/k3s'
const server = {
  files: {
    [unit]: recorded('k3s-1.21.3/A-running/k1/k3s.service').replace(
      "'--cluster-init'",
      "'--token' \\\n\t's3cret-a' \\\n\t'--cluster-init'",
    ),
    [`${unit}.env`]: "K3S_TOKEN='s3cret-b'\nK3S_URL='https://10.99.0.12:6443'\n",
    '/etc/rancher/k3s/config.yaml':
      'flannel-backend: vxlan\ntoken: s3cret-c\ndatastore-endpoint: mysql://u:s3cret-d@tcp(x)/y\n',
    '/etc/rancher/k3s/config.yaml.d/10-a.yaml': 'flannel-backend: none\n',
    [`${data}/agent/etc/containerd/config.toml`]: recorded(
      'k3s-1.21.3/A2-running-hostport/k2/files/var/lib/rancher/k3s/agent/etc/containerd/config.toml',
    ).concat('\n[plugins.cri.registry.configs."x".auth]\n  password = "s3cret-e"\n'),
    [`${data}/agent/etc/cni/net.d/10-flannel.conflist`]: '{"name":"cbr0"}\n',
    '/etc/cni/net.d/calico-kubeconfig': 'token: s3cret-f\n',
    '/run/flannel/subnet.env': recorded('k3s-1.21.3/A2-running-hostport/k2/files/run/flannel/subnet.env'),
    '/opt/cni/bin/portmap': 'binary',
    // Nobody is asked: names that are not in /etc/hosts do not resolve at once.
    '/etc/resolv.conf': '',
    [`${data}/server/db/etcd/member/wal/0.wal`]: '',
    [`${data}/server/db/etcd/name`]: 'k1-36846675',
    [`${data}/server/db/snapshots/before-k1-1763708912`]: 'snapshot',
  },
  programs: {
    systemctl: `case "$*" in
  list-unit-files*) echo 'k3s-killer.service enabled enabled'; echo 'k3s.service enabled enabled' ;;
  'show -p ExecStart k3s-killer.service') echo 'ExecStart={ path=/x ; argv[]=/x server ; ignore_errors=no ; }' ;;
  show*k3s.service*) cat <<'END'
${show}
END
  ;;
  'is-active --quiet k3s.service') ;;
  is-active*) echo inactive; exit 3 ;;
esac`,
    k3s: `case "$*" in
  --version) echo 'k3s version v1.21.3-rc1+k3s1 (9c981b01)'; echo 'go version go1.19.8' ;;
  'crictl pods -o json') printf %s '${crictl.pods}' ;;
  'crictl ps -a -o json') printf %s '${crictl.ps}' ;;
  'crictl inspectp'*${id('4')}) exit 1 ;;
  'crictl inspectp -o json ${id('1')}') printf %s '${crictl.inspectp}' ;;
  'crictl inspectp'*) exit 0 ;;
  'crictl images'*) printf %s '${crictl.images}' ;;
esac`,
    curl: `case "$*" in
  *2381/metrics*) cat <<'END'
${metrics}
END
  ;;
  *6444*) exit 0 ;;
esac`,
  },
  setup: `mkdir -p /opt/cni/bin
ip link add eth0 type veth peer name peer; ip link set peer up; ip addr add 10.99.0.11/24 dev eth0; ip link set eth0 up; ip route add default via 10.99.0.1
ip link add flannel.1 mtu 1450 type vxlan id 1 local 10.99.0.11 dev eth0 dstport 8472 nolearning; ip link set flannel.1 up
ip link add cni0 type bridge; ip addr add 10.42.0.1/24 dev cni0
ip link add veth1 type veth peer name veth2; ip link set veth1 master cni0
printf 'create mine hash:ip\\n' | ipset restore
iptables-nft -N MINE; iptables-nft -A INPUT -m comment --comment 'a b' -j MINE
iptables-legacy -A FORWARD -j DROP
nft add table inet mine
chmod 644 ${unit}; ln -s /opt/cni/bin/portmap /opt/cni/bin/link`,
}

describe.skipIf(noMachine !== undefined)('a server', () => {
  test('all families in one round trip, and no secret in what was said', async () => {
    const log: string[] = []
    const facts = await collect(machine('k1', { ...server, log }), nodeFamilies, options)
    expect(log).toHaveLength(2)
    const said = [
      ...log,
      ...(log[0]?.split('\n').map((line) => Buffer.from(line, 'base64').toString('latin1')) ?? []),
    ].join('\n')
    const whole = Buffer.from((log[0] ?? '').replace(/^@.*$/gm, '').replace(/\n/g, ''), 'base64').toString('latin1')
    for (const text of [said, whole, JSON.stringify(facts)]) expect(text).not.toMatch(/s3cret/)

    expect(facts).toMatchObject({
      unit: {
        name: 'k3s',
        role: 'server',
        activeState: 'active',
        subState: 'running',
        result: 'success',
        fragmentPath: unit,
        mainPid: 242,
        execStart: expect.arrayContaining(['/usr/local/bin/k3s', 'server', '--token', '***', '--cluster-init']),
      },
    })
    expect(facts.k3s).toMatchObject({
      version: 'v1.21.3-rc1+k3s1',
      flags: {
        'flannel-backend': { value: 'none', from: '/etc/rancher/k3s/config.yaml.d/10-a.yaml' },
        'datastore-endpoint': { value: '***', from: '/etc/rancher/k3s/config.yaml' },
        server: { value: 'https://10.99.0.12:6443', from: `${unit}.env` },
      },
      cni: {
        confDir: '/var/lib/rancher/k3s/agent/etc/cni/net.d',
        binDir: '/var/lib/rancher/k3s/data/801b6d6d7a1150db10700a2ee19bcb1b9929fe33e5964742251a5d714255f11a/bin',
      },
      containerdTemplate: false,
      localApi: true,
    })
    expect(Object.keys(facts.k3s.files).sort()).toEqual([
      '/etc/rancher/k3s/config.yaml',
      '/etc/rancher/k3s/config.yaml.d/10-a.yaml',
      unit,
      `${unit}.env`,
    ])
    expect(facts.k3s.files[unit]).toMatchObject({ mode: 0o644, uid: 0, gid: 0 })
    expect(facts.k3s.files[unit]?.text).toContain("'--token' \\\n\t*** \\\n\t'--cluster-init' \\\n")

    expect(facts.etcd).toEqual({
      initialized: true,
      memberName: 'k1-36846675',
      hasLeader: true,
      isLearner: false,
      activePeers: 1,
      walFsyncP99Ms: expect.closeTo(1.9),
      dbSizeBytes: 20_480_000,
      snapshots: [
        {
          name: 'before-k1-1763708912',
          path: `${data}/server/db/snapshots/before-k1-1763708912`,
          sizeBytes: 8,
          modifiedMs: expect.any(Number),
        },
      ],
    })

    const common = { namespace: 'data', createdMs: 1763708912123 }
    expect(facts.sandboxes).toEqual([
      { ...common, id: id('1'), name: 'web', uid: 'uid-web', ready: true, netns: netns.path, ip: '10.42.0.5' },
      { ...common, id: id('2'), name: 'host', uid: 'uid-host', ready: true, netns: null, ip: null },
      { ...common, id: id('3'), name: 'done', uid: 'uid-done', ready: false, netns: '', ip: '10.42.0.6' },
    ])
    expect(facts.images).toEqual(['docker.io/library/a:1', 'docker.io/library/a@sha256:0'])

    expect(facts.netfilter).toEqual({
      rulesets: {
        'ip-nft': expect.stringContaining('-A INPUT -m comment --comment "a b" -j MINE\n'),
        'ip-legacy': expect.stringContaining('-A FORWARD -j DROP\n'),
        'ip6-nft': null,
        'ip6-legacy': null,
      },
      defaultBackend: expect.stringMatching(/^(nft|legacy)$/),
      ipsets: expect.stringMatching(/^create mine hash:ip .*\n$/),
      rejected: 0,
      nftTables: ['inet mine'],
    })

    const links = Object.fromEntries(facts.network.links.map((link) => [link.name, link]))
    expect(links['flannel.1']).toEqual({
      name: 'flannel.1',
      kind: 'vxlan',
      up: true,
      mtu: 1450,
      master: null,
      vxlanPort: 8472,
      addresses: expect.any(Array),
    })
    expect(links.cni0).toMatchObject({ kind: 'bridge', up: false, addresses: ['10.42.0.1/24'] })
    expect(links.veth1).toMatchObject({ kind: 'veth', master: 'cni0', vxlanPort: null })
    expect(facts.network.routes).toContain('default via 10.99.0.1 dev eth0')
    expect(facts.network.rules).toContain('32766: from all lookup main')
    expect(facts.network.udpPorts).toEqual([8472])

    expect(facts.cni.files['/run/flannel/subnet.env']?.text).toContain('FLANNEL_NETWORK=10.42.0.0/16')
    expect(facts.cni.files['/opt/cni/bin/portmap']).toMatchObject({
      type: 'file',
      text: null,
      sizeBytes: 6,
      mode: 0o600,
    })
    expect(facts.cni.files['/opt/cni/bin/portmap']?.sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(facts.cni.files['/opt/cni/bin/link']).toMatchObject({ type: 'link', sha256: null })
    expect(facts.cni.files['/etc/cni/net.d/calico-kubeconfig']?.text).toBeNull()

    expect(facts.host).toMatchObject({
      uplink: { name: 'eth0', mtu: 1500, address: '10.99.0.11' },
      commands: { sh: true, ip: true },
      services: { ufw: 'inactive' },
      resolves: { localhost: expect.stringMatching(/^(127\.0\.0\.1|::1)$/), 'nosuch.invalid': null },
    })
    // It is the same clock, however slow the machine.
    expect(facts.host.clockOffsetMs).toBe(0)
  })

  test('reading leaves files, rules, sets and links as they were', async () => {
    // What there is before and after the script on stdin; `diff` says what moved.
    const around = `look() {
  find /etc/rancher /etc/systemd/system /etc/cni /opt /var/lib /run -printf '%p %m %T@ %s\n'
  iptables-nft-save; iptables-legacy-save; ip6tables-legacy-save; ipset save; nft list ruleset; ip -o link; ip route show table all
}
cat >/mnt/script
look 2>/dev/null | grep -v '^[#:]' >/mnt/before
sh /mnt/script localhost >/dev/null || exit 9
look 2>/dev/null | grep -v '^[#:]' >/mnt/after
diff /mnt/before /mnt/after`
    const changes = async (script: string) => {
      const command = { argv: ['sh', '-c', around], mode: 'read', stdin: script, timeoutMs: 60_000 } as const
      const outcome = await machine('k1', server).run(command)
      return outcome.kind === 'exited' ? { code: outcome.code, stdout: outcome.stdout } : outcome
    }
    expect(await changes(collectScript(nodeFamilies))).toEqual({ code: 0, stdout: '' })
    expect(await changes('touch /run/flannel/new')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('/run/flannel/new'),
    })
  })
})

describe.skipIf(noMachine !== undefined)('other nodes', () => {
  const agentShow = show
    .replace(/argv\[\]=\/usr\/local\/bin\/k3s server [^;]* ;/g, 'argv[]=/usr/local/bin/k3s agent ;')
    .replaceAll('k3s.service', 'k3s-agent.service')
  const agent = {
    programs: {
      ...server.programs,
      systemctl: server.programs.systemctl.replace(show, agentShow).replaceAll('k3s.service', 'k3s-agent.service'),
      // K3s is stopped: containerd does not answer.
      k3s: 'case "$*" in --version) echo "k3s version v1.34.4+k3s1 (x)" ;; *) echo "connection refused" >&2; exit 1 ;; esac',
      curl: 'exit 7',
    },
  }

  test('an agent with K3s stopped', async () => {
    const facts = await collect(machine('a1', agent), ['unit', 'k3s', 'etcd', 'sandboxes', 'images', 'cni'], options)
    expect(facts.unit).toMatchObject({ name: 'k3s-agent', role: 'agent' })
    expect(facts.k3s).toMatchObject({
      cni: { confDir: '/etc/cni/net.d', binDir: '/opt/cni/bin' },
      localApi: false,
    })
    expect(facts.k3s.flags['flannel-backend']).toBeUndefined()
    expect(facts).toMatchObject({ etcd: null, sandboxes: null, images: null, cni: { files: {} } })
  })

  test('a server whose etcd does not answer', async () => {
    const facts = await collect(
      machine('k1', { ...server, programs: { ...server.programs, curl: 'exit 7' } }),
      ['etcd'],
      options,
    )
    expect(facts.etcd).toMatchObject({
      initialized: true,
      hasLeader: null,
      isLearner: null,
      activePeers: null,
      walFsyncP99Ms: null,
    })
  })

  test('no K3s at all is said with the node`s name', async () => {
    const programs = { systemctl: 'exit 0' }
    await expect(collect(machine('n9', { programs }), ['k3s'], options)).rejects.toThrow(
      'n9: facts of k3s: no K3s here',
    )
    expect((await collect(machine('n9', { programs }), ['etcd'], options)).etcd).toBeNull()
  })

  test('a command that says something unexpected is named, with node and family', async () => {
    const strange = (programs: Record<string, string>, family: (typeof nodeFamilies)[number]) =>
      collect(machine('n9', { programs: { ...server.programs, ...programs } }), [family], options)
    await expect(strange({ ip: 'echo garbage' }, 'network')).rejects.toThrow(
      'n9: facts of network: network.links: expected JSON',
    )
    await expect(strange({ ip: "echo '[{}]'" }, 'network')).rejects.toThrow(/n9: facts of network: 0\.ifname/)
    await expect(strange({ 'iptables-nft-save': 'echo "*filter"' }, 'netfilter')).rejects.toThrow(
      'n9: facts of netfilter: ip-nft, line 1: expected COMMIT',
    )
    await expect(strange({ 'iptables-nft-save': 'echo no >&2; exit 4' }, 'netfilter')).rejects.toThrow(
      'netfilter.ip-nft: exit code 4: no',
    )
    await expect(strange({ ipset: 'exit 1' }, 'netfilter')).rejects.toThrow('netfilter.ipsets: exit code 1')
    await expect(strange({ k3s: 'echo x' }, 'k3s')).rejects.toThrow('n9: facts of k3s: k3s.version: expected')
  })

  test('output that looks like a frame stays output', async () => {
    const forged = machine('n9', {
      programs: { ...server.programs, nft: "printf '@. \\n@@ netfilter.ipsets\\ncreate x\\n@end\\n'" },
    })
    const facts = await collect(forged, ['netfilter'], options)
    expect(facts.netfilter.ipsets).toBe('')
    expect(facts.netfilter.nftTables).toContain('@@ netfilter.ipsets')
  })
})

describe('an answer that is not whole', () => {
  const saying = (stdout: string): Node => ({
    name: 'n1',
    run: () => Promise.resolve({ kind: 'exited', code: 0, stdout, stderr: '', durationMs: 1 }),
    connect: () => Promise.reject(new Error('no')),
    reconnect: () => Promise.resolve(),
  })
  test.each([
    ['cut off', '@@ begin\nMTIz\n@= 0\n', 'n1: facts: the answer is cut off'],
    ['noise', 'Welcome!\n@end\n', 'n1: facts: expected a section of the facts, got "Welcome!"'],
    ['a section without its end', '@@ begin\nMTIz\n@end\n', 'n1: facts: begin: its end is missing'],
    ['a section twice', '@@ a\n@= 0\n@.\n@@ a\n@= 0\n@.\n@end\n', 'n1: facts: expected each section once'],
  ])('%s', async (_, stdout, message) => {
    await expect(collect(saying(stdout), ['cni'], options)).rejects.toThrow(message)
  })

  test('a lost connection is its own error', async () => {
    const lost: Node = {
      ...saying(''),
      run: () => Promise.resolve({ kind: 'unknown', reason: 'connection lost', stdout: '', stderr: '', durationMs: 1 }),
    }
    await expect(collect(lost, ['cni'], options)).rejects.toThrow(
      'it is not known how this ended: [facts] localhost nosuch.invalid: connection lost',
    )
  })
})
