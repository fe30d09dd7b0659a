/** The node's side of the stand-in against the kernel, in one scratch machine with an API of its own: with flannel. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ApiObject } from '../../src/lab/standin/context.ts'
import type { ScratchMachine } from '../standin/node/scratch-machine.ts'
import { looksAt, pod, podFolder, startedMachine } from './standin-node/looks.ts'

let machine: ScratchMachine
const { until, find, isReady, ready, sandboxes, netnsOf, connect, save } = looksAt(() => machine)

beforeAll(async () => {
  machine = await startedMachine()
}, 60_000)

afterAll(async () => {
  await machine.destroy()
})

test('twelve pods get ready', async () => {
  const names = [...Array(10).keys()].map((index) => `cli-${index}`)
  for (const name of names) await machine.put(podFolder('shop'), pod('shop', name, { app: 'cli' }))
  await machine.put(podFolder('shop'), pod('shop', 'web', { app: 'web' }))
  await machine.put(
    podFolder('shop'),
    pod(
      'shop',
      'host-port',
      {},
      {
        containers: [{ name: 'c', image: 'rancher/server:1', ports: [{ containerPort: 8080, hostPort: 18080 }] }],
      },
    ),
  )
  for (const name of [...names, 'web', 'host-port']) await ready(name)
})

test('makes flannel.1 with a route, a neighbour and an FDB entry for the other node', async () => {
  const links = JSON.parse((await machine.exec('ip', '-j', '-d', 'link', 'show', 'flannel.1')).stdout)
  expect(links[0].mtu).toBe(1450)
  expect(links[0].linkinfo.info_data).toMatchObject({
    id: 1,
    local: '192.168.77.11',
    link: 'uplink',
    port: 8472,
    learning: false,
  })
  const routes = (await machine.exec('ip', 'route')).stdout
  expect(routes).toContain('10.42.2.0/24 via 10.42.2.0 dev flannel.1 onlink')
  expect((await machine.exec('ip', 'neigh', 'show', 'dev', 'flannel.1')).stdout).toMatch(
    /10\.42\.2\.0 lladdr 3e:00:00:00:00:02 PERMANENT/,
  )
  expect((await machine.exec('bridge', 'fdb', 'show', 'dev', 'flannel.1')).stdout).toContain(
    '3e:00:00:00:00:02 dst 192.168.77.12 self permanent',
  )
  const node = (await machine.ask<ApiObject[]>({ op: 'list', path: '/api/v1/nodes' })).find(
    (one) => one.metadata.name === 's1',
  )
  expect(node?.metadata.annotations?.['flannel.alpha.coreos.com/backend-data']).toMatch(/"VtepMAC":"[0-9a-f:]{17}"/)
})

test('enforces policies, refuses at once, and takes a service and a host port to a pod', async () => {
  const web = (await ready('web')).status.podIP as string
  await until('the policy to be in force', async () =>
    (await connect('host-port', `${web}:8080`)).startsWith('failed') ? true : undefined,
  )
  const client = (await ready('cli-0')).status.podIP as string
  await until('the policy to admit cli-0', async () =>
    (await connect('cli-0', `${web}:8080`)) === `web ${client}` ? true : undefined,
  )
  // A REJECT, not a DROP; the kernel limits its ICMP errors, so one try may time out all the same.
  await until('a refusal', async () =>
    /Couldn't connect/.test(await connect('host-port', `${web}:8080`)) ? true : undefined,
  )
  await machine.put('/api/v1/namespaces/shop/services', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { clusterIP: '10.43.0.50', ports: [{ port: 80 }] },
  })
  await machine.put('/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices', {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } },
    ports: [{ port: 8080, protocol: 'TCP' }],
    endpoints: [{ addresses: [web], conditions: { ready: true } }],
  } as ApiObject)
  await until('the service', async () => ((await connect('cli-0', '10.43.0.50')).startsWith('web ') ? true : undefined))
  expect(await connect('cli-0', '192.168.77.11:18080')).toMatch(/^host-port /)
})

test('the DNS pod answers for services and says no to names that are not', async () => {
  const container = {
    name: 'coredns',
    image: 'rancher/mirrored-coredns-coredns:1.12.3',
    ports: [{ containerPort: 53, protocol: 'UDP' }],
  }
  await machine.put(
    podFolder('default'),
    pod('default', 'coredns', { 'k8s-app': 'kube-dns' }, { containers: [container] }),
  )
  const { status } = await ready('coredns')
  const ask = (name: string): Promise<string> =>
    machine
      .exec(
        process.execPath,
        '-e',
        `const r = new (require('node:dns').promises.Resolver)({ timeout: 1000, tries: 1 }); r.setServers(['${status.podIP}']); r.resolve4('${name}').then((a) => console.log(a.join()), (e) => console.log(e.code))`,
      )
      .then((result) => result.stdout.trim())
  await until('the answer', async () => ((await ask('web.shop.svc.cluster.local')) === '10.43.0.50' ? true : undefined))
  expect(await ask('nothing.shop.svc.cluster.local')).toBe('ENOTFOUND')
})

test('every sync renames the chains; the explicit ACCEPT stands once after the last KUBE rule', async () => {
  const chains = async (): Promise<string[]> =>
    [...(await save('-t', 'filter')).matchAll(/^:(KUBE-POD-FW-\S+)/gm)].map((one) => one[1] ?? '')
  const before = await chains()
  await machine.put(podFolder('shop'), pod('shop', 'late', { app: 'cli' }))
  const late = await ready('late')
  const after = await until('a sync', async () => {
    const now = await chains()
    return now.length === before.length + 1 && (await save('-t', 'filter')).includes(`${late.status.podIP}/32`)
      ? now
      : undefined
  })
  expect(after.filter((chain) => before.includes(chain))).toEqual([])
  const input = (await save('-t', 'filter')).split('\n').filter((line) => line.startsWith('-A INPUT '))
  expect(input[0]).toContain('kube-router netpol - 4IA2OSFRMVNDXBVV')
  const accepts = input.flatMap((line, index) =>
    line.includes('KUBE-ROUTER rule to explicitly ACCEPT') ? [index] : [],
  )
  expect(accepts).toEqual([input.findLastIndex((line) => line.includes('KUBE'))])
})

test('a stopped sandbox is replaced: same pod, another namespace and address, one restart more', async () => {
  const before = await ready('cli-1')
  const old = (await sandboxes()).find((one) => one.metadata.name === 'cli-1')
  const oldNetns = await netnsOf('cli-1')
  expect(await machine.crictl('stopp', old?.id ?? '')).toMatchObject({ code: 0, stderr: '' })
  const after = await until('the new sandbox', async () => {
    const object = await find('cli-1')
    return isReady(object) && object?.status.podIP !== before.status.podIP ? object : undefined
  })
  expect(after.status.containerStatuses[0].restartCount).toBe(1)
  expect(await netnsOf('cli-1')).not.toBe(oldNetns)
  expect((await sandboxes()).filter((one) => one.metadata.name === 'cli-1')).toMatchObject([
    { metadata: { attempt: 1 } },
  ])
  expect((await machine.exec('ls', `/var/lib/cni/networks/cbr0/${before.status.podIP}`)).code).not.toBe(0)
})

test('a fault opens the moment without the allow mark: everybody is refused, and only for so long', async () => {
  const web = (await ready('web')).status.podIP as string
  await machine.fault('reject-gap', '1')
  await machine.put(podFolder('shop'), pod('shop', 'later', { app: 'cli' }))
  await until('a refusal', async () =>
    (await connect('cli-0', `${web}:8080`)).startsWith('failed') ? true : undefined,
  )
  await until('the end of it', async () =>
    (await connect('cli-0', `${web}:8080`)).startsWith('web') ? true : undefined,
  )
  await machine.exec('rm', '/var/lib/migrate-lab/faults/reject-gap')
})

test('K3s stops and starts: the same sandboxes and processes, not one restart', async () => {
  const before = await sandboxes()
  const rules = (await save('-t', 'nat')).split('\n').filter((line) => line.startsWith('-A'))
  const web = (await ready('web')).status.podIP as string
  await machine.stop()
  const down = await machine.crictl('pods')
  expect(down.code).toBe(1)
  expect(down.stderr).toMatch(
    /dial unix \/run\/k3s\/containerd\/containerd.sock: connect: (no such file|connection refused)/,
  )
  expect((await machine.exec('curl', '-sS', '-m', '2', `http://${web}:8080/`)).stdout).toContain('web ')
  expect((await save('-t', 'nat')).split('\n').filter((line) => line.startsWith('-A'))).toEqual(rules)
  await machine.start()
  expect(await sandboxes()).toEqual(before)
  expect((await ready('web')).status.containerStatuses[0].restartCount).toBe(0)
})

test('a deleted pod takes its link, lease and record with it', async () => {
  const { status } = await ready('cli-9')
  await machine.ask({
    op: 'patch',
    path: `${podFolder('shop')}/cli-9`,
    patch: { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } },
  })
  await until('the pod to be gone', async () => ((await find('cli-9')) === undefined ? true : undefined))
  expect((await sandboxes()).some((one) => one.metadata.name === 'cli-9')).toBe(false)
  expect((await machine.exec('ls', `/var/lib/cni/networks/cbr0/${status.podIP}`)).code).not.toBe(0)
})

test('a container that crashes is started again, ever later; one that ends well is done', async () => {
  const command = (...words: string[]) => ({ containers: [{ name: 'c', image: 'busybox', command: words }] })
  await machine.put(podFolder('default'), pod('default', 'crash', {}, command('false')))
  await machine.put(
    podFolder('default'),
    pod('default', 'job', {}, { ...command('sh', '-c', 'echo done'), restartPolicy: 'Never' }),
  )
  await machine.put(
    podFolder('default'),
    pod('default', 'absent', {}, { containers: [{ name: 'c', image: 'quay.io/missing/image:1' }] }),
  )
  await until('the job', async () => ((await find('job'))?.status?.phase === 'Succeeded' ? true : undefined))
  const crash = await until('two restarts', async () => {
    const status = (await find('crash'))?.status?.containerStatuses?.[0]
    return status?.restartCount >= 2 && status.state.waiting ? status : undefined
  })
  expect(crash.state.waiting.reason).toBe('CrashLoopBackOff')
  expect((await find('absent'))?.status.containerStatuses[0].state.waiting.reason).toMatch(
    /ErrImagePull|ImagePullBackOff/,
  )
})

test('after a power-off the pods come back by name, with new sandboxes', async () => {
  const before = await ready('web')
  await machine.powerOff()
  await machine.powerOn()
  await machine.start()
  const after = await until('web to come back', async () => {
    const object = await find('web')
    return isReady(object) && object?.status.containerStatuses[0].restartCount === 1 ? object : undefined
  })
  expect(after.metadata.uid).toBe(before.metadata.uid)
  expect((await sandboxes()).filter((one) => one.metadata.name === 'web')).toHaveLength(1)
})
