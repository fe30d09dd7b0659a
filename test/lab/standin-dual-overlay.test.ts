/** flannel's pods and Cilium's side by side on one node, kube-router on, in one scratch machine with a second node drawn into it. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ciliumCrds } from '../../src/lab/standin/cilium/crds.ts'
import { identityLabels } from '../../src/lab/standin/cilium/identity.ts'
import type { ApiObject } from '../../src/lab/standin/context.ts'
import type { ScratchMachine } from '../standin/node/scratch-machine.ts'
import { looksAt, pod, podFolder, startedMachine } from './standin-node/looks.ts'

let machine: ScratchMachine
const { until, find, ready, sandboxes, netnsOf, connect, save } = looksAt(() => machine)

const confDir = '/var/lib/rancher/k3s/agent/etc/cni/net.d'
const conf = { 'write-cni-conf-when-ready': '/host/etc/cni/net.d/05-cilium.conflist' }
const config = {
  'enable-policy': 'never',
  'enable-l7-proxy': 'false',
  'enable-endpoint-health-checking': 'false',
  mtu: '1500',
  'tunnel-port': '8473',
}

async function must(...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await machine.exec(...argv)
  if (code !== 0) throw new Error(`${argv.join(' ')}: ${stderr}${stdout}`)
  return stdout.trim()
}

const ip = (command: string) => must('ip', ...command.split(' '))
const confs = () => must('ls', confDir)
const addressOf = async (name: string): Promise<string> => (await ready(name)).status.podIP
const put = (name: string, labels: Record<string, string>) => machine.put(podFolder('shop'), pod('shop', name, labels))

/** The other node, as far as flannel goes: its end of the wire, its flannel.1, and 10.42.2.5 for a pod that answers. */
async function drawOtherNode(): Promise<void> {
  const mac = /link\/ether (\S+)/.exec(await ip('-o link show flannel.1'))?.[1]
  await ip('netns add s2')
  await ip('link set wire netns s2')
  for (const command of [
    'link set lo up',
    'addr add 192.168.77.12/24 dev wire',
    'link set wire up',
    'link add flannel.1 address 3e:00:00:00:00:02 type vxlan id 1 local 192.168.77.12 dev wire dstport 8472 nolearning',
    'addr add 10.42.2.0/32 dev flannel.1',
    'addr add 10.42.2.5/32 dev lo',
    'link set flannel.1 up',
    `neigh add 10.42.1.0 lladdr ${mac} dev flannel.1 nud permanent`,
    'route add 10.42.1.0/24 via 10.42.1.0 dev flannel.1 onlink',
  ])
    await ip(`-n s2 ${command}`)
  await must('bridge', '-n', 's2', 'fdb', 'add', `${mac}`, 'dev', 'flannel.1', 'dst', '192.168.77.11')
  const server = join(import.meta.dirname, '../../src/lab/standin/node/programs/serve.pl')
  await must('sh', '-c', `setsid ip netns exec s2 perl ${server} --name far --tcp 8080 >/dev/null 2>&1 &`)
}

/** One connection from the other node, with one of its addresses. */
async function connectFromAfar(source: string, to: string): Promise<string> {
  const curl = ['curl', '-sS', '-m', '2', '--interface', source, `http://${to}/`]
  const { code, stdout, stderr } = await machine.exec('ip', 'netns', 'exec', 's2', ...curl)
  return code === 0 ? stdout.trim() : `failed: ${stderr.trim()}`
}

/** Gives the labels of a pod this number for their identity. */
async function putIdentity(number: number, labels: Record<string, string>): Promise<void> {
  const own = Object.entries(identityLabels(pod('shop', 'any', labels), { team: 'shop' }))
  await machine.put('/apis/cilium.io/v2/ciliumidentities', {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumIdentity',
    metadata: { name: `${number}` },
    'security-labels': Object.fromEntries(own.map(([key, value]) => [`k8s:${key}`, value])),
  })
}

const dnsContainer = {
  name: 'coredns',
  image: 'rancher/mirrored-coredns-coredns:1.12.3',
  ports: [{ containerPort: 53, protocol: 'UDP' }],
}

/** A question to the service `names`, from port 45454 of a pod: whether an answer came within a second. */
const question = `
use Socket;
socket(my $socket, PF_INET, SOCK_DGRAM, 17);
bind($socket, sockaddr_in(45454, INADDR_ANY));
connect($socket, sockaddr_in(53, inet_aton('10.43.0.53')));
send($socket, pack('n6', 1, 0x100, 1, 0, 0, 0) . join('', map { chr(length) . $_ } qw(names shop)) . pack('Cn2', 0, 1, 1), 0);
vec(my $ready = '', fileno($socket), 1) = 1;
print select($ready, undef, undef, 1) && defined recv($socket, my $reply, 512, 0) ? 'answered' : 'silence';
`
const askFrom = async (name: string) => must('nsenter', `--net=${await netnsOf(name)}`, 'perl', '-e', question)

const leadNames = (address: string) =>
  machine.put('/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices', {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'names-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'names' } },
    ports: [{ port: 53, protocol: 'UDP' }],
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
  } as ApiObject)

beforeAll(async () => {
  machine = await startedMachine()
  // One of its own: maps that are pinned there are not to be met elsewhere.
  await must('mount', '-t', 'bpf', 'bpf', '/sys/fs/bpf')
  for (const crd of ciliumCrds) await machine.put('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd)
  await machine.put('/apis/cilium.io/v2/ciliumnodes', {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumNode',
    metadata: { name: 's1' },
    spec: { ipam: { podCIDRs: ['10.52.1.0/24'] } },
  })
  await putIdentity(4096, { app: 'other', identity: 'even' })
  await putIdentity(4097, { app: 'other', identity: 'odd' })
  await put('web', { app: 'web' })
  await put('old', { app: 'cli' })
  await put('gone', { app: 'cli' })
  await put('stranger', { app: 'other' })
  await machine.put(podFolder('default'), pod('default', 'names', {}, { containers: [dnsContainer] }))
  for (const name of ['web', 'old', 'gone', 'stranger', 'names']) await ready(name)
  await drawOtherNode()
}, 300_000)

afterAll(async () => {
  await machine.destroy()
})

test('an agent that is to write no CNI conf leaves the node to flannel', async () => {
  await machine.ask({ op: 'agent', config })
  await until('the agent', async () => (machine.journal.includes('Daemon initialization completed') ? true : undefined))
  expect(await confs()).toBe('10-flannel.conflist')
  await put('between', { app: 'cli' })
  expect(await addressOf('between')).toMatch(/^10\.42\.1\./)
  expect(await ip('-d -o link show flannel.1')).toMatch(/,UP,.*dstport 8472/)
  expect(await ip('-d -o link show cilium_vxlan')).toMatch(/,UP,.*dstport 8473/)
})

test('one that is to write it puts its own first and K3s’ away: new pods are its, old ones flannel’s', async () => {
  await machine.ask({ op: 'agent', config: { ...config, ...conf } })
  await until('the conf', async () =>
    (await confs()) === '05-cilium.conflist\n10-flannel.conflist.cilium_bak' ? true : undefined,
  )
  await put('new', { app: 'cli' })
  await put('new-web', { app: 'web' })
  await put('even', { app: 'other', identity: 'even' })
  await put('odd', { app: 'other', identity: 'odd' })
  for (const name of ['new', 'new-web', 'even', 'odd']) expect(await addressOf(name)).toMatch(/^10\.52\.1\./)
  expect(await addressOf('old')).toMatch(/^10\.42\.1\./)
})

test('they reach each other, and hide their addresses from each other', async () => {
  const router = /inet (\S+)\/32/.exec(await ip('-o -4 addr show dev cilium_host'))?.[1]
  const web = `${await addressOf('web')}:8080`
  await until('the policy to admit new', async () =>
    (await connect('new', web)) === 'web 10.42.1.1' ? true : undefined,
  )
  expect(await connect('old', `${await addressOf('new')}:8080`)).toBe(`new ${router}`)
  expect(await connect('new', '10.42.2.5:8080')).toBe('far 10.42.1.0')
})

test('UDP that keeps its source port follows its service to another backend, from either', async () => {
  await machine.put('/api/v1/namespaces/shop/services', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'names', namespace: 'shop' },
    spec: { clusterIP: '10.43.0.53', ports: [{ port: 53, protocol: 'UDP' }] },
  })
  const answered = (name: string) =>
    until(`an answer to ${name}`, async () => ((await askFrom(name)) === 'answered' ? true : undefined), 20_000)
  await leadNames(await addressOf('names'))
  await Promise.all(['old', 'new'].map(answered))
  // Nobody has it, so that what is asked there leaves a flow that goes on as long as it is asked for.
  await leadNames('10.42.2.250')
  for (const name of ['old', 'new'])
    await until('silence', async () => ((await askFrom(name)) === 'silence' ? true : undefined), 20_000)
  await leadNames(await addressOf('names'))
  await Promise.all(['old', 'new'].map(answered))
})

test('kube-router refuses on another node what has lost its address on the way', async () => {
  const web = `${await addressOf('web')}:8080`
  await machine.put(podFolder('shop'), {
    ...pod('shop', 'far', { app: 'cli' }, { nodeName: 's2' }),
    status: { phase: 'Running', podIP: '10.42.2.5', hostIP: '192.168.77.12' },
  })
  await until('the policy to admit far', async () =>
    (await connectFromAfar('10.42.2.5', web)) === 'web 10.42.2.5' ? true : undefined,
  )
  expect(await connectFromAfar('10.42.2.0', web)).toMatch(/^failed/)
})

test('kube-router has chains for Cilium’s pods, too, takes an odd identity for its own mark, and is passed by in BPF', async () => {
  const web = `${await addressOf('web')}:8080`
  const newWeb = await addressOf('new-web')
  await until('the chains', async () =>
    (await save('-t', 'filter')).includes(`-A KUBE-ROUTER-FORWARD -d ${newWeb}/32`) ? true : undefined,
  )
  expect(await connect('even', web)).toMatch(/^failed/)
  await until('the mark', async () => ((await connect('odd', web)) === 'web 10.42.1.1' ? true : undefined))
  expect(await connect('stranger', `${newWeb}:8080`)).toMatch(/^failed/)
  expect(await connect('even', `${newWeb}:8080`)).toBe(`new-web ${await addressOf('even')}`)
})

test('the end of a flannel pod is Cilium’s to make: flannel’s lease and result stay, the node goes on', async () => {
  const address = await addressOf('gone')
  const id = (await sandboxes()).find((one) => one.metadata.name === 'gone')?.id
  const patch = { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }
  await machine.ask({ op: 'patch', path: `${podFolder('shop')}/gone`, patch })
  await until('the pod to leave the API', async () => ((await find('gone')) === undefined ? true : undefined))
  expect((await sandboxes()).map((one) => one.id)).not.toContain(id)
  expect(await must('cat', `/var/lib/cni/networks/cbr0/${address}`)).toContain(id)
  expect(await must('ls', '/var/lib/cni/results')).toContain(`cbr0-${id}-eth0`)
  expect(await machine.ask({ op: 'conditions' })).toMatchObject({ ready: true })
})

test('K3s writes its conf at every start, and the agent puts it away again; pods talk through it', async () => {
  const web = `${await addressOf('web')}:8080`
  // Without K3s nobody can be asked for it.
  const netns = await netnsOf('new')
  await machine.stop()
  expect(await must('nsenter', `--net=${netns}`, 'curl', '-sS', '-m', '5', `http://${web}/`)).toBe('web 10.42.1.1')
  await machine.start()
  expect(await confs()).toBe('05-cilium.conflist\n10-flannel.conflist\n10-flannel.conflist.cilium_bak')
  await machine.ask({ op: 'agent', config: { ...config, ...conf } })
  await until('K3s’ conf to go', async () =>
    (await confs()) === '05-cilium.conflist\n10-flannel.conflist.cilium_bak' ? true : undefined,
  )
  expect(await connect('new', web)).toBe('web 10.42.1.1')
  await put('last', { app: 'cli' })
  expect(await addressOf('last')).toMatch(/^10\.52\.1\./)
})
