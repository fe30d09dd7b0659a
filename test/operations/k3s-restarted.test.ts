import { expect, test } from 'vitest'
import { k3sRestarted } from '../../src/operations/k3s-restarted.ts'
import type { World } from '../../src/operations/world.ts'
import { noting } from './fake-guards.ts'
import { NodesApi } from './nodes-api.ts'

function onS2() {
  const api = new NodesApi()
  const { s2, s3 } = api.facts.nodes
  if (!s2?.etcd || !s3?.etcd) throw new Error('no servers')
  const nowMs = api.world.clock.nowMs()
  for (const lease of api.facts.kube.leases) lease.renewMs = nowMs
  for (const node of api.facts.kube.nodes) node.heartbeatMs = nowMs
  const commands: string[] = []
  const run = async ({ argv }: { argv: readonly string[] }) => {
    commands.push(argv.join(' '))
    return { kind: 'exited', code: 0, stdout: Buffer.alloc(0), stderr: '' }
  }
  const world = Object.assign(api.world, { nodes: { get: () => ({ name: 's2', run }) } }) as unknown as World
  const said: string[] = []
  const task = { ...noting(new Map()), say: (line: string) => void said.push(line) }
  return { api, world, commands, said, task, s2, etcd: s3.etcd, change: { unit: 'k3s', mainPid: 101, flannel: true } }
}

test('no server is restarted before every member votes and sees the others (P4)', async () => {
  const { api, world, commands, said, task, etcd, change } = onS2()
  etcd.activePeers = 1
  const looks = [
    () => expect(commands).toEqual([]),
    () => {
      expect(commands).toEqual([])
      etcd.activePeers = 2
    },
  ]
  api.onLook = () => looks.shift()?.()
  await k3sRestarted.apply(world, 's2', change, task)
  expect(commands).toEqual(['systemctl restart --no-block k3s'])
  expect(said).toEqual([expect.stringContaining('etcd on s3 is connected to 1 of 2 peers')])
})

test('it is not left before another process of it runs as it is to, and the cluster is whole', async () => {
  const { api, world, said, task, s2, etcd, change } = onS2()
  const looks = [
    () => {},
    () => Object.assign(s2.unit, { mainPid: 0, activeState: 'activating', subState: 'start' }),
    () => {
      Object.assign(s2.unit, { mainPid: 900, activeState: 'active', subState: 'running' })
      s2.k3s.cni.confDir = '/etc/cni/net.d'
    },
    () => {
      s2.k3s.cni.confDir = '/var/lib/rancher/k3s/agent/etc/cni/net.d'
      etcd.isLearner = true
    },
    () => Object.assign(etcd, { isLearner: false }),
  ]
  api.onLook = () => looks.shift()?.()
  await k3sRestarted.verify(world, 's2', change, task)
  expect(said).toEqual([
    expect.stringContaining('k3s has not been ended yet'),
    expect.stringContaining('k3s is activating (start)'),
    expect.stringContaining('it still runs without flannel'),
    expect.stringContaining('etcd on s3 is a learner'),
  ])
})
