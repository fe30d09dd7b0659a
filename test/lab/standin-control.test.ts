import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseFault } from '../../src/lab/faults.ts'
import { until } from '../../src/lab/host.ts'
import { breakNode, type Lab, mendNode } from '../../src/lab/lab.ts'
import { freshLab, takeDown } from './support/fresh-lab.ts'

/** The stand-in's control plane against what was measured on a real one: stops, quorum, cold starts, snapshots, joins. */

const name = 'standin-control'
let lab: Lab
beforeAll(async () => {
  lab = await freshLab({ name, servers: 3, agents: 1 })
})
afterAll(() => takeDown(name))

const sh = (node: string, script: string) => lab.exec(node, ['bash', '-c', script])
const out = async (node: string, script: string) => (await sh(node, script)).stdout.trim()
const state = (node: string) => out(node, 'systemctl show k3s -p ActiveState --value')
const eventually = (waitingFor: string, check: () => Promise<boolean>, timeoutMs = 60_000) =>
  until({ waitingFor: () => waitingFor, timeoutMs, everyMs: 250 }, async () => ((await check()) ? true : undefined))
const active = (node: string) => eventually(`k3s on ${node} to be active`, async () => (await state(node)) === 'active')
const healthy = (node: string) =>
  eventually(`the API on ${node}`, async () => (await out(node, 'k3s kubectl get --raw /readyz')) === 'ok')
const etcdctl = `ETCDCTL_API=3 /usr/lib/migrate-lab/etcd/etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/var/lib/rancher/k3s/server/tls/etcd/server-ca.crt --cert=/var/lib/rancher/k3s/server/tls/etcd/server-client.crt --key=/var/lib/rancher/k3s/server/tls/etcd/server-client.key`
const running = (node: string) => out(node, 'ls /run/netns | sort; pgrep -x perl | sort')

describe('a running cluster', () => {
  test('answers a stranger with 401, and pong', async () => {
    const codes = await out(
      's1',
      `for path in ping cacerts readyz livez api v1-k3s/config; do curl -sk -o /dev/null -w '%{http_code} ' https://127.0.0.1:6443/$path; done`,
    )
    expect(codes).toBe('200 200 401 401 401 401')
    expect(await out('s1', 'stat -c %a /etc/rancher/k3s/k3s.yaml /var/lib/rancher/k3s/server/token')).toBe('600\n600')
  })

  test('has a voting member for each server, named as K3s names them', async () => {
    const members = await out('s1', `${etcdctl} member list`)
    expect(
      members
        .split('\n')
        .map((line) => line.split(', ')[2]?.replace(/[0-9a-f]{8}$/, ''))
        .sort(),
    ).toEqual(['s1-', 's2-', 's3-'])
    expect(members).not.toContain('true')
    await eventually('EtcdIsVoter on all servers', async () => {
      const voters = await out('s1', `k3s kubectl get nodes -o yaml | grep -A1 'type: EtcdIsVoter' | grep -c True`)
      return voters === '3'
    })
  })

  test('gives agents a way to all servers', async () => {
    await eventually('the agent to know the servers', async () => {
      const known: { ServerAddresses: string[] } = JSON.parse(
        await out('a1', 'cat /var/lib/rancher/k3s/agent/etc/k3s-agent-load-balancer.json'),
      )
      return known.ServerAddresses.length === 3
    })
    expect(await out('a1', 'curl -sk https://127.0.0.1:6444/ping')).toBe('pong')
  })

  test('serves @kubernetes/client-node', async () => {
    const kubeconfig = `${lab.stateDir}/test-kubeconfig.yaml`
    const text = await out('s1', 'cat /etc/rancher/k3s/k3s.yaml')
    writeFileSync(kubeconfig, text.replace('127.0.0.1', lab.nodes[0]?.address ?? ''), { mode: 0o600 })
    const script = new URL('./standin-control/client.ts', import.meta.url).pathname
    const { code, stdout, stderr } = await lab.run([process.execPath, script, kubeconfig])
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toEqual({
      nodes: ['a1', 's1', 's2', 's3'],
      podsOfS1: true,
      created: 'none',
      patched: 2,
      suspended: true,
      conflict: 409,
      evicted: 'DELETED',
    })
  })
})

describe('snapshots', () => {
  test('save says so, and the file is there with its node in its name', async () => {
    const { code, stdout, stderr } = await sh('s2', 'k3s etcd-snapshot save --name pre')
    expect([code, stdout]).toEqual([0, ''])
    const file = /msg="Snapshot (pre-s2-\d{10}) saved\."/.exec(stderr)?.[1]
    expect(file).toBeDefined()
    expect(
      await out(
        's2',
        `stat -c '%a' /var/lib/rancher/k3s/server/db/snapshots/${file}; k3s etcd-snapshot ls | tail -1 | cut -d' ' -f1`,
      ),
    ).toBe(`600\n${file}`)
  })
  test('a save that fails prints nothing, makes nothing and exits 0', async () => {
    breakNode(name, 's2', parseFault('snapshot-fails'))
    const { code, stdout, stderr } = await sh('s2', 'k3s etcd-snapshot save --name bad')
    expect([code, stdout, stderr]).toEqual([0, '', ''])
    expect(await out('s2', 'ls /var/lib/rancher/k3s/server/db/snapshots')).not.toContain('bad')
    mendNode(name, 's2', 'snapshot-fails')
  })
})

describe('stopping', () => {
  test('one server: the unit is failed, its etcd is gone, its pods go on', async () => {
    const before = await running('s3')
    expect((await sh('s3', 'systemctl stop k3s')).code).toBe(0)
    expect(await out('s3', 'systemctl is-active k3s; systemctl show k3s -p Result')).toBe('failed\nResult=exit-code')
    expect(await out('s3', 'journalctl -u k3s -o cat -n 50')).toMatch(/level=fatal msg="flannel exited: /)
    expect(await out('s3', 'pgrep -x etcd')).toBe('')
    expect(await running('s3')).toBe(before)
    expect(await out('s3', 'ip -br link show flannel.1')).toContain('flannel.1')
    const save = await sh('s3', 'k3s etcd-snapshot save; echo $?; k3s etcd-snapshot ls >/dev/null; echo $?')
    expect(save.stdout).toBe('1\n0\n')
  })

  test('two servers: the third gives up its leases and hangs in activating', async () => {
    await sh('s2', 'systemctl stop k3s')
    await eventually('s1 to give up', async () => (await state('s1')) === 'activating', 30_000)
    expect(await out('s1', 'journalctl -u k3s -o cat')).toContain('leaderelection lost')
    await eventually(
      's1 to start again',
      async () => (await out('s1', 'curl -sk https://127.0.0.1:6443/ping')) === 'pong',
    )
    expect(await state('s1')).toBe('activating')
    const nodes = await sh('s1', 'k3s kubectl get nodes')
    expect([nodes.code, nodes.stderr]).toEqual([1, expect.stringContaining('ServiceUnavailable')])
    await eventually('the probers to report the peers', async () =>
      (await out('s1', 'journalctl -u k3s -o cat')).includes('prober detected unhealthy status'),
    )
  })

  test('all: a blocking start of the first server hangs until a second one starts', async () => {
    await sh('s1', 'systemctl stop k3s')
    expect((await sh('s1', 'timeout 5 systemctl start k3s')).code).toBe(124)
    expect(await state('s1')).toBe('activating')
    expect((await sh('s2', 'timeout 60 systemctl start k3s')).code).toBe(0)
    await active('s1')
    expect((await sh('s3', 'timeout 60 systemctl start k3s')).code).toBe(0)
    const created = await sh(
      's1',
      'k3s kubectl create -f - <<< \'{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"after"}}\'',
    )
    expect(created.stdout).toBe('namespace/after created\n')
    // Controllers work again only once the old leases have run out.
    await sh('s1', 'k3s kubectl delete pod -n shop -l app=cli --grace-period=0')
    await eventually('controllers to replace a pod', async () =>
      (await out('s1', 'k3s kubectl get pods -n shop -l app=cli --no-headers')).includes('Running'),
    )
  })

  test('killed with -9, its etcd dies with it', async () => {
    const pid = await out('s2', 'pgrep -x etcd')
    expect(pid).toMatch(/^\d+$/)
    await sh('s2', 'kill -9 $(systemctl show -p MainPID --value k3s)')
    await eventually('etcd to end', async () => (await sh('s2', `test -d /proc/${pid}`)).code !== 0, 5000)
    await active('s2')
  })

  test('with port 2379 taken it warns and waits', async () => {
    await healthy('s2')
    await sh('s3', 'systemctl stop k3s')
    await sh(
      's3',
      `systemd-run --unit=squatter perl -MIO::Socket::INET -e '@open = IO::Socket::INET->new(LocalAddr=>"127.0.0.1",LocalPort=>2379,Listen=>1,ReuseAddr=>1); sleep'`,
    )
    await eventually('the port to be taken', async () => (await out('s3', 'ss -ltnH sport = :2379')) !== '')
    await sh('s3', 'systemctl start --no-block k3s')
    await eventually('the warning', async () =>
      (await out('s3', 'journalctl -u k3s -o cat -n 20')).includes('bind: address already in use'),
    )
    expect(await state('s3')).toBe('activating')
    await sh('s3', 'systemctl stop squatter')
    await active('s3')
  })
})

describe('configuration', () => {
  test('a key for servers kills an agent', async () => {
    await sh(
      'a1',
      'mkdir -p /etc/rancher/k3s/config.yaml.d; echo "flannel-backend: none" > /etc/rancher/k3s/config.yaml.d/x.yaml',
    )
    expect((await sh('a1', 'systemctl restart k3s-agent')).code).toBe(1)
    expect(await out('a1', 'journalctl -u k3s-agent -o cat -n 30')).toContain(
      'flag provided but not defined: -flannel-backend',
    )
    expect((await sh('a1', 'rm /etc/rancher/k3s/config.yaml.d/x.yaml; systemctl restart k3s-agent')).code).toBe(0)
  })

  test('a server with another backend restarts in silence, but may not join', async () => {
    const other =
      'mkdir -p /etc/rancher/k3s/config.yaml.d; echo "disable-network-policy: true" > /etc/rancher/k3s/config.yaml.d/x.yaml'
    expect((await sh('s3', `${other}; systemctl restart k3s`)).code).toBe(0)
    expect(await out('s1', 'k3s kubectl get node s3 -o yaml')).toContain('"--disable-network-policy","true"')
    await healthy('s1')
    await sh('s3', 'systemctl stop k3s; rm -rf /var/lib/rancher/k3s/server/db')
    await sh('s1', 'k3s kubectl delete node s3')
    await eventually(
      'the member to be removed',
      async () => !(await out('s1', `${etcdctl} member list`)).includes(', s3-'),
    )
    await sh('s3', 'systemctl start --no-block k3s')
    await eventually('the refusal', async () =>
      (await out('s3', 'journalctl -u k3s -o cat -n 50')).includes(
        'failed to validate server configuration: critical configuration value mismatch between servers',
      ),
    )
    await sh('s3', 'rm /etc/rancher/k3s/config.yaml.d/x.yaml')
    await active('s3')
    expect(await out('s1', `${etcdctl} member list`)).toContain(', s3-')
  })
})

test('a cluster reset takes a snapshot back on one server, which the others join anew', async () => {
  const snapshot = /Snapshot (\S+) saved/.exec((await sh('s1', 'k3s etcd-snapshot save --name reset')).stderr)?.[1]
  await sh('s1', 'k3s kubectl delete namespace after')
  for (const node of ['s3', 's2', 's1']) await sh(node, 'systemctl stop k3s')
  const refused = await sh('s2', 'k3s server --cluster-reset --server https://192.168.77.11:6443')
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringContaining('cannot perform cluster-reset while server URL is set'),
  ])
  const reset = await sh(
    's1',
    `k3s server --node-ip 192.168.77.11 --cluster-reset --cluster-reset-restore-path=/var/lib/rancher/k3s/server/db/snapshots/${snapshot}`,
  )
  expect([reset.code, reset.stderr]).toEqual([
    0,
    expect.stringContaining('Managed etcd cluster membership has been reset'),
  ])
  expect((await sh('s1', 'timeout 60 systemctl start k3s')).code).toBe(0)
  expect(await out('s1', 'k3s kubectl get namespace after -o name')).toBe('namespace/after')
  for (const node of ['s2', 's3'])
    expect((await sh(node, 'rm -rf /var/lib/rancher/k3s/server/db; timeout 90 systemctl start k3s')).code).toBe(0)
  expect((await out('s1', `${etcdctl} member list`)).split('\n')).toHaveLength(3)
})
