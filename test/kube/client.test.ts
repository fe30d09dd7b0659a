import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { KubeApi } from '../../src/kube/api.ts'
import { openKube, readOnlyKube } from '../../src/kube/client.ts'
import { Evictions } from '../../src/lab/standin/api/eviction.ts'
import { handleApi } from '../../src/lab/standin/api/handler.ts'
import { createAuthority, issue } from '../../src/lab/standin/certificates.ts'
import type { Node } from '../../src/nodes/node.ts'
import { operationsInMemory } from '../standin/api/memory-etcd.ts'

/** The client that operations use, over TLS, against the practice cluster's API. */
let server: Server
let kube: KubeApi
const folder = mkdtempSync(join(tmpdir(), 'migrate-client-'))

function aServer(port: number): Node {
  const base64 = (name: string) => readFileSync(join(folder, name)).toString('base64')
  const kubeconfig = stringify({
    clusters: [
      { name: 'd', cluster: { server: 'https://127.0.0.1:6443', 'certificate-authority-data': base64('ca.crt') } },
    ],
    users: [
      { name: 'd', user: { 'client-certificate-data': base64('own.crt'), 'client-key-data': base64('own.key') } },
    ],
    contexts: [{ name: 'd', context: { cluster: 'd', user: 'd' } }],
    'current-context': 'd',
  })
  const stdout = `600 0 0 ${Buffer.byteLength(kubeconfig)}\n${Buffer.from(kubeconfig).toString('base64')}\n`
  return {
    name: 's1',
    run: async () => ({ kind: 'exited', code: 0, stdout, stderr: '', durationMs: 1 }),
    connect: async () => connect(port, '127.0.0.1'),
    reconnect: async () => {},
  }
}

beforeAll(async () => {
  await createAuthority(join(folder, 'ca'), 'ca')
  await issue(join(folder, 'ca'), join(folder, 'own'), { name: 'own', ips: ['127.0.0.1'] })
  const operations = await operationsInMemory()
  const parts = {
    ...{ operations, evictions: new Evictions(operations), address: '127.0.0.1:6443' },
    containerLog: async () => '',
  }
  const own = { cert: readFileSync(join(folder, 'own.crt')), key: readFileSync(join(folder, 'own.key')) }
  server = createServer(own, (request, response) => void handleApi(parts, request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  kube = openKube([aServer(typeof address === 'object' && address !== null ? address.port : 0)])
})
afterAll(async () => {
  await kube.close()
  server.close()
  rmSync(folder, { recursive: true })
})

const pods = { apiVersion: 'v1', kind: 'Pod' }
const namespaces = { apiVersion: 'v1', kind: 'Namespace' }

test('a pod is deleted at once, if it is still the one that was meant', async () => {
  const spec = { nodeName: 's1', containers: [{ name: 'c', image: 'i' }] }
  const { uid = '' } = (await kube.create({ ...pods, metadata: { name: 'p', namespace: 'n' }, spec })).metadata
  await kube.delete(pods, 'p', 'n')
  // Its kubelet is waited for.
  expect(await kube.get(pods, 'p', 'n')).not.toBeNull()
  await expect(kube.delete(pods, 'p', 'n', { uid: 'another', graceSeconds: 0 })).rejects.toMatchObject({ status: 409 })
  await kube.delete(pods, 'p', 'n', { uid, graceSeconds: 0 })
  expect(await kube.get(pods, 'p', 'n')).toBeNull()
  await kube.delete(pods, 'p', 'n', { uid, graceSeconds: 0 })
})

test('finalizers are patched in one version of an object only', async () => {
  const kind = { apiVersion: 'v1', kind: 'ConfigMap' }
  const metadata = { name: 'held', namespace: 'n', finalizers: ['a.example/b', 'c.example/d'] }
  const { resourceVersion = '' } = (await kube.create({ ...kind, metadata })).metadata
  const patch = { metadata: { resourceVersion, finalizers: ['c.example/d'] } }
  expect((await kube.patch(kind, 'held', 'n', patch)).metadata.finalizers).toEqual(['c.example/d'])
  await expect(kube.patch(kind, 'held', 'n', { metadata: { resourceVersion, finalizers: [] } })).rejects.toMatchObject({
    status: 409,
  })
})

test('a namespace goes with its own finalizers, which only its subresource takes away', async () => {
  await kube.create({ ...namespaces, metadata: { name: 'old' } })
  await kube.delete(namespaces, 'old')
  const held = await kube.get(namespaces, 'old')
  if (held === null) throw new Error('it is gone already')
  await kube.patch(namespaces, 'old', undefined, { spec: { finalizers: [] } })
  expect(await kube.get(namespaces, 'old')).not.toBeNull()
  await expect(readOnlyKube(kube).finalize(held)).rejects.toThrow('refused while only looking')
  await expect(kube.finalize({ ...held, metadata: { ...held.metadata, resourceVersion: '1' } })).rejects.toMatchObject({
    status: 409,
  })
  await kube.finalize({ ...held, spec: { finalizers: [] } })
  expect(await kube.get(namespaces, 'old')).toBeNull()
  await expect(kube.finalize(held)).rejects.toThrow('finalize Namespace old: namespaces "old" not found')
})
