import type { ApiObject } from '../../../src/lab/standin/context.ts'
import { ScratchMachine } from '../../standin/node/scratch-machine.ts'

export function pod(namespace: string, name: string, labels: Record<string, string>, spec: object = {}): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels, uid: `uid-${namespace}-${name}` },
    spec: {
      nodeName: 's1',
      containers: [{ name: 'c', image: 'rancher/server:1', imagePullPolicy: 'IfNotPresent' }],
      ...spec,
    },
  }
}

export const podFolder = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`

/** A started machine with namespaces, a neighbour and one policy; `destroy` is the caller's. */
export async function startedMachine(): Promise<ScratchMachine> {
  const machine = await ScratchMachine.make()
  await machine.start()
  for (const name of ['shop', 'default']) {
    await machine.put('/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { team: name } },
    })
  }
  await machine.put('/api/v1/nodes', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 's1' },
    spec: { podCIDR: '10.42.1.0/24' },
  })
  await machine.put('/api/v1/nodes', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: 's2',
      annotations: {
        'flannel.alpha.coreos.com/backend-data': '{"VNI":1,"VtepMAC":"3e:00:00:00:00:02"}',
        'flannel.alpha.coreos.com/backend-type': 'vxlan',
        'flannel.alpha.coreos.com/public-ip': '192.168.77.12',
      },
    },
    spec: { podCIDR: '10.42.2.0/24' },
  })
  await machine.put('/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies', {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'web-from-cli', namespace: 'shop' },
    spec: {
      podSelector: { matchLabels: { app: 'web' } },
      policyTypes: ['Ingress'],
      ingress: [{ from: [{ podSelector: { matchLabels: { app: 'cli' } } }], ports: [{ port: 8080, protocol: 'TCP' }] }],
    },
  })
  return machine
}

/** What a test sees of a machine's pods: in its API, in its runtime, and by connecting. */
export function looksAt(current: () => ScratchMachine) {
  async function until<T>(what: string, look: () => Promise<T | undefined>, limitMs = 60_000): Promise<T> {
    const end = Date.now() + limitMs
    for (;;) {
      const found = await look()
      if (found !== undefined) return found
      if (Date.now() > end) throw new Error(`waited ${limitMs} ms for ${what}\n${current().journal.slice(-2000)}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  const find = async (name: string): Promise<ApiObject | undefined> =>
    (await current().pods()).find((one) => one.metadata.name === name)

  const isReady = (object: ApiObject | undefined): boolean =>
    object?.status?.conditions?.some(
      (one: { type: string; status: string }) => one.type === 'Ready' && one.status === 'True',
    ) === true

  const ready = (name: string): Promise<ApiObject> =>
    until(`${name} to be ready`, async () => {
      const object = await find(name)
      return isReady(object) ? object : undefined
    })

  const sandboxes = async (): Promise<{ id: string; state: string; metadata: { name: string; attempt: number } }[]> =>
    JSON.parse((await current().crictl('pods', '-o', 'json')).stdout).items

  const netnsOf = async (name: string): Promise<string> => {
    const sandbox = (await sandboxes()).find((one) => one.metadata.name === name && one.state === 'SANDBOX_READY')
    const inspected = JSON.parse((await current().crictl('inspectp', sandbox?.id ?? '')).stdout)
    return inspected.info.runtimeSpec.linux.namespaces.find((one: { type: string }) => one.type === 'network').path
  }

  /** One connection from inside a pod; what the server answered, or why not. */
  async function connect(from: string, to: string): Promise<string> {
    const netns = await netnsOf(from)
    const result = await current().exec('nsenter', `--net=${netns}`, 'curl', '-sS', '-m', '2', `http://${to}/`)
    return result.code === 0 ? result.stdout.trim() : `failed: ${result.stderr.trim()}`
  }

  const save = async (...argv: string[]): Promise<string> => (await current().exec('iptables-save', ...argv)).stdout

  return { until, find, isReady, ready, sandboxes, netnsOf, connect, save }
}
