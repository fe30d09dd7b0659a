import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { operatorConfig, runOperator } from '../../src/lab/standin/cilium/run-operator.ts'
import type { ApiObject } from '../../src/lab/standin/context.ts'
import { FakeApi } from '../standin/cilium/fake-api.ts'
import { connect, eventually, Ground, must, PracticeNode } from './standin-cilium/practice-node.ts'

// Agents and an operator against each other, with real links and packets; only the API is a stand-in's stand-in.
let ground: Ground
let api: FakeApi
let one: PracticeNode
let two: PracticeNode
let outside: string
const pods = new Map<string, { namespace: string; address: string }>()
const config = { 'enable-policy': 'default', 'enable-l7-proxy': 'false', mtu: '1500' }
const policies = '/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies'

const pod = (name: string) => {
  const found = pods.get(name)
  if (found === undefined) throw new Error(`no pod ${name}`)
  return found
}
const reach = (from: string, to: string) => connect(pod(from).namespace, pod(to).address)

async function addPod(node: PracticeNode, name: string, app: string): Promise<void> {
  const namespace = await ground.namespace(name)
  const labels = { app, 'pod-template-hash': 'x' }
  const spec = { containers: [{ ports: [{ name: 'web', containerPort: 8080 }] }] }
  api.put('/api/v1/namespaces/shop/pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'shop', labels },
    spec,
  })
  const { code, stdout } = await node.cni('ADD', namespace, name)
  if (code !== 0) throw new Error(stdout)
  const address = JSON.parse(stdout).ips[0].address.replace('/32', '')
  pods.set(name, { namespace, address })
  await ground.serve(namespace)
}

function policy(name: string, spec: object): ApiObject {
  return api.put(policies, {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: 'shop' },
    spec,
  })
}

beforeAll(async () => {
  ground = new Ground()
  api = new FakeApi()
  const bridge = await ground.namespace('bridge')
  await must(`ip -n ${bridge} link add br0 type bridge && ip -n ${bridge} link set br0 up`)
  await must('sysctl -qw net.bridge.bridge-nf-call-iptables=0', 'ip', 'netns', 'exec', bridge)
  outside = await ground.namespace('outside')
  await must(`ip -n ${bridge} link add out type veth peer name eth0 netns ${outside}`)
  await must(`ip -n ${bridge} link set out master br0 up && ip -n ${outside} link set eth0 up`)
  await must(`ip -n ${outside} addr add 192.168.77.2/24 dev eth0`)
  await ground.serve(outside)
  const labels = { 'kubernetes.io/metadata.name': 'shop' }
  api.put('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels } })
  for (const name of ['n1', 'n2']) api.put('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name } })
  one = await PracticeNode.create(ground, api, bridge, 'n1', '192.168.77.11')
  two = await PracticeNode.create(ground, api, bridge, 'n2', '192.168.77.12')
  void runOperator({
    api,
    config: operatorConfig({ 'cluster-pool-ipv4-cidr': '10.52.0.0/16', 'unmanaged-pod-watcher-interval': '0' }),
    identity: 'operator-1',
    signal: ground.abort.signal,
    log: () => undefined,
  }).catch(() => undefined)
  await Promise.all([one.startAgent(config), two.startAgent(config)])
  await ground.serve(one.namespace)
  await addPod(one, 'web1', 'web')
  await addPod(one, 'cli1', 'cli')
  await addPod(two, 'web2', 'web')
  await addPod(two, 'cli2', 'cli')
})

afterAll(() => ground.remove())

describe('what an agent makes of a node', () => {
  it('has the links, routes and rules of a real one in tunnel mode', async () => {
    const { ifname, linkinfo, flags } = JSON.parse(await one.must('ip -j -d link show cilium_vxlan'))[0]
    expect([ifname, linkinfo.info_kind, linkinfo.info_data.external, linkinfo.info_data.port]).toEqual([
      'cilium_vxlan',
      'vxlan',
      true,
      8472,
    ])
    expect(flags).toContain('UP')
    const names = (await one.must("ip -o link | awk '{print $2}' | sed 's/[@:].*//'")).split('\n')
    expect(names.filter((name) => name.startsWith('cilium')).sort()).toEqual([
      'cilium_host',
      'cilium_net',
      'cilium_vxlan',
    ])
    expect(names.filter((name) => /^lxc[0-9a-f]{12}$/.test(name))).toHaveLength(2)
    expect(names).toContain('lxc_health')
    expect((await one.must('ip rule')).split('\n')).toHaveLength(3)
    const routes = (await one.must('ip route')).split('\n').filter((line) => line.includes('cilium_host'))
    expect(routes).toHaveLength(3)
    expect(routes.some((line) => line.includes('mtu 1450'))).toBe(true)
  })

  it('leaves the files of a real one', async () => {
    const files = await one.must(
      'cd / && ls etc/cni/net.d/05-cilium.conflist opt/cni/bin/cilium-cni opt/cni/bin/loopback etc/sysctl.d/99-zzz-override_cilium.conf run/cilium/cilium.sock sys/fs/bpf/tc/globals/cilium_ipcache',
    )
    expect(files.split('\n')).toHaveLength(6)
    expect(await one.must('tc filter show dev cilium_host egress')).toContain('cil_from_host')
  })

  it('reports its pods', async () => {
    const found = await eventually(
      2000,
      () => api.list('/apis/cilium.io/v2/ciliumendpoints'),
      (items) => items.length === 4,
    )
    const addresses = found.map(({ metadata, status }) => [metadata.name, status.networking.addressing[0].ipv4])
    expect(new Map(addresses as [string, string][])).toEqual(
      new Map([...pods].map(([name, { address }]) => [name, address])),
    )
  })
})

describe('packets', () => {
  it('go between pods, on one node and through the tunnel, with their own addresses', async () => {
    expect(await reach('cli1', 'web1')).toBe(pod('cli1').address)
    expect(await reach('cli1', 'web2')).toBe(pod('cli1').address)
    expect(await reach('web2', 'cli1')).toBe(pod('web2').address)
  })

  it('go between pods and nodes, and outside as the node', async () => {
    expect(await connect(one.namespace, pod('web1').address)).toMatch(/^10\.52\./)
    expect(await connect(one.namespace, pod('web2').address)).toMatch(/^10\.52\./)
    expect(await connect(pod('cli1').namespace, one.address)).toBe(pod('cli1').address)
    expect(await connect(pod('cli2').namespace, one.address)).toBe(two.address)
    expect(await connect(pod('cli1').namespace, '192.168.77.2')).toBe(one.address)
  })

  it('go to a Service without kube-proxy, and are refused where it has no backend', async () => {
    const metadata = { name: 'web', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } }
    const spec = { clusterIP: '10.43.0.77', ports: [{ port: 80, protocol: 'TCP' }] }
    api.put('/api/v1/namespaces/shop/services', { apiVersion: 'v1', kind: 'Service', metadata, spec })
    const attempt = () => connect(pod('cli1').namespace, '10.43.0.77', 80)
    await eventually(1000, attempt, (answer) => answer === 'refused')
    api.put('/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices', {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata,
      endpoints: [{ addresses: [pod('web1').address] }, { addresses: [pod('web2').address] }],
      ports: [{ port: 8080, protocol: 'TCP' }],
    })
    await eventually(1000, attempt, (answer) => answer === pod('cli1').address)
  })

  it('from a flannel pod arrive as the node: the two overlays hide the source from each other', async () => {
    const flannel = await ground.namespace('flannel')
    await one.must('ip link add cni0 type bridge && ip addr add 10.42.0.1/24 dev cni0 && ip link set cni0 up')
    await one.must(`ip link add vethf type veth peer name eth0 netns ${flannel} && ip link set vethf master cni0 up`)
    await must(`ip -n ${flannel} addr add 10.42.0.5/24 dev eth0 && ip -n ${flannel} link set eth0 up`)
    await must(`ip -n ${flannel} route add default via 10.42.0.1`)
    const router = (await api.get('/apis/cilium.io/v2/ciliumnodes/n1')).spec.addresses[1].ip
    expect(await connect(flannel, pod('web2').address)).toBe(router)
    await ground.serve(flannel)
    expect(await connect(pod('cli1').namespace, '10.42.0.5')).toBe('10.42.0.1')
  })
})

describe('policies', () => {
  it('drop in silence what they do not allow, within a second, and the node may always', async () => {
    policy('deny', { podSelector: { matchLabels: { app: 'web' } } })
    await eventually(
      1000,
      () => reach('cli1', 'web1'),
      (answer) => answer === 'timeout',
    )
    await eventually(
      1000,
      () => reach('cli1', 'web2'),
      (answer) => answer === 'timeout',
    )
    expect(await connect(one.namespace, pod('web1').address)).toMatch(/^10\.52\./)
    expect(await connect(one.namespace, pod('web2').address)).toBe('timeout')
    expect(await one.must('iptables-save | grep -c DROP || true')).toBe('0')
  })

  it('allow by labels across nodes, also behind a Service', async () => {
    const from = [{ podSelector: { matchLabels: { app: 'cli' } } }]
    policy('allow', { podSelector: { matchLabels: { app: 'web' } }, ingress: [{ from, ports: [{ port: 'web' }] }] })
    await eventually(
      1500,
      () => reach('cli2', 'web1'),
      (answer) => answer === pod('cli2').address,
    )
    expect(await reach('web2', 'web1')).toBe('timeout')
    const to = [{ podSelector: { matchLabels: { app: 'web' } } }]
    policy('egress', { podSelector: { matchLabels: { app: 'cli' } }, policyTypes: ['Egress'], egress: [{ to }] })
    await eventually(
      1500,
      () => connect(pod('cli1').namespace, '192.168.77.2'),
      (answer) => answer === 'timeout',
    )
    expect(await connect(pod('cli1').namespace, '10.43.0.77', 80)).toBe(pod('cli1').address)
  })

  it('do not match pods by an ipBlock', async () => {
    await api.delete(`${policies}/allow`)
    const from = [{ ipBlock: { cidr: '0.0.0.0/0' } }]
    policy('block', { podSelector: { matchLabels: { app: 'web' } }, ingress: [{ from }] })
    await eventually(
      1500,
      () => reach('cli1', 'web1'),
      (answer) => answer === 'timeout',
    )
    for (const name of ['deny', 'block', 'egress']) await api.delete(`${policies}/${name}`)
    await eventually(
      1500,
      () => reach('cli1', 'web1'),
      (answer) => answer === pod('cli1').address,
    )
  })
})

describe('the CNI conf', () => {
  it('puts others out of the way, also those that come later', async () => {
    await one.must('echo {} > /etc/cni/net.d/10-flannel.conflist')
    await eventually(
      2000,
      () => one.must('ls /etc/cni/net.d'),
      (list) => list === '05-cilium.conflist\n10-flannel.conflist.cilium_bak',
    )
  })
})

describe('an agent that goes', () => {
  it('leaves pods talking and every sandbox call failing, and the next one adopts what is there', async () => {
    await one.stopAgent('SIGKILL')
    expect(await reach('cli1', 'web2')).toBe(pod('cli1').address)
    const started = Date.now()
    const { code, stdout } = await one.cni('DEL', pod('cli1').namespace, 'cli1')
    expect(code).toBe(1)
    expect(JSON.parse(stdout).msg).toMatch(/Is the agent running\?/)
    expect(Date.now() - started).toBeGreaterThan(4000)
    const router = await one.must('ip -o -4 addr show cilium_host')
    await one.startAgent({ ...config, 'cni-uninstall': 'true' })
    expect(await one.must('ip -o -4 addr show cilium_host')).toBe(router)
    expect(one.log).toContain('restored=2')
    expect(await reach('cli1', 'web2')).toBe(pod('cli1').address)
    expect((await one.cni('DEL', pod('cli1').namespace, 'cli1')).code).toBe(0)
    await eventually(
      1000,
      () => api.list('/apis/cilium.io/v2/ciliumendpoints'),
      (items) => items.length === 3,
    )
  })

  it('takes its conf along where it was told to, and nothing else', async () => {
    const chains = await one.must('iptables-save | grep -c CILIUM')
    await one.stopAgent()
    expect(await one.must('ls /etc/cni/net.d')).toBe('10-flannel.conflist.cilium_bak')
    expect(await one.must('iptables-save | grep -c CILIUM')).toBe(chains)
    expect(chains).toBe('39')
    expect(await reach('web1', 'web2')).toBe(pod('web1').address)
    await eventually(
      2000,
      () => one.must('ip -o link'),
      (links) => !links.includes('lxc_health'),
    )
  })
})

describe('native routing', () => {
  const native = {
    ...config,
    'routing-mode': 'native',
    'auto-direct-node-routes': 'true',
    'ipv4-native-routing-cidr': '10.52.0.0/16',
  }
  const bothAs = async (first: Record<string, string>, second: Record<string, string>) => {
    await Promise.all([one.stopAgent(), two.stopAgent()])
    await Promise.all([one.startAgent(first), two.startAgent(second)])
  }

  it('takes the tunnel away and leads to the other node itself; pods keep talking with their own addresses', async () => {
    await bothAs(native, native)
    expect(await one.must('ip -o link')).not.toContain('cilium_vxlan')
    const routes = (await one.must('ip route')).split('\n').map((line) => line.trim())
    const [range] = (await api.get('/apis/cilium.io/v2/ciliumnodes/n2')).spec.ipam.podCIDRs
    expect(routes.filter((route) => route.startsWith(range))).toEqual([
      `${range} via ${two.address} dev eth0 proto kernel`,
    ])
    expect(await reach('web1', 'web2')).toBe(pod('web1').address)
    expect(await reach('web2', 'web1')).toBe(pod('web2').address)
    expect(await connect(pod('web1').namespace, '192.168.77.2')).toBe(one.address)
  })

  it('and a tunnel on the other node: no packet of a pod gets through, either way', async () => {
    await bothAs(native, config)
    expect(await reach('web1', 'web2')).toBe('timeout')
    expect(await reach('web2', 'web1')).toBe('timeout')
    expect(await connect(one.namespace, pod('web1').address)).toMatch(/^10\.52\./)
  })

  it('leaves nothing behind where the tunnel comes back', async () => {
    await bothAs(config, config)
    expect((await one.must('ip route')).split('\n').filter((line) => line.includes('via 192.168.77.'))).toEqual([])
    expect(await reach('web1', 'web2')).toBe(pod('web1').address)
  })
})

describe('the tunnel port', () => {
  it('that flannel holds is met in silence, and stays in the way after it was changed', async () => {
    await two.stopAgent()
    await two.must('ip link del cilium_vxlan && ip link add flannel.1 type vxlan id 1 dstport 8472 nolearning')
    await two.must('ip link set flannel.1 up')
    await two.startAgent(config)
    expect(await two.must('ip -o link show cilium_vxlan')).toContain('state DOWN')
    expect(two.log).not.toMatch(/level=(warning|error)/)
    await two.stopAgent()
    await two.startAgent({ ...config, 'tunnel-port': '8473' })
    expect(await two.must('ip -d -o link show cilium_vxlan')).toMatch(/state DOWN.*dstport 8472/)
    await two.stopAgent()
    await two.must('ip link del cilium_vxlan')
    await two.startAgent({ ...config, 'tunnel-port': '8473' })
    expect(await two.must('ip -d -o link show cilium_vxlan')).toMatch(/,UP,.*dstport 8473/)
  })
})
