import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { buildConfig, installCniBinaries, readMergedConfig } from '../../../src/lab/standin/cilium/install-node.ts'
import { FakeApi } from './fake-api.ts'

let volumes: string
beforeEach(() => {
  volumes = mkdtempSync(join(tmpdir(), 'install-node-'))
})
afterEach(() => rmSync(volumes, { recursive: true }))

const nodeConfigs = '/apis/cilium.io/v2/namespaces/kube-system/ciliumnodeconfigs'
const nodeConfig = (name: string, defaults: Record<string, string>) => ({
  apiVersion: 'cilium.io/v2',
  kind: 'CiliumNodeConfig',
  metadata: { name },
  spec: { nodeSelector: { matchLabels: { moved: 'true' } }, defaults },
})

it('config: merged once for a pod; what its agent reads at every start is what there was then', async () => {
  const api = new FakeApi()
  api.put('/api/v1/namespaces/kube-system/configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'cilium-config' },
    data: { 'custom-cni-conf': 'true', mtu: '1500' },
  })
  api.put('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 's1', labels: { moved: 'true' } } })
  api.put(nodeConfigs, nodeConfig('b', { mtu: '1400' }))
  api.put(nodeConfigs, nodeConfig('a', { mtu: '1300', 'custom-cni-conf': 'false' }))
  await buildConfig(api, 's1', volumes, () => undefined)
  const merged = { 'custom-cni-conf': 'false', mtu: '1400' }
  expect(await readMergedConfig(volumes)).toEqual(merged)
  await api.delete(`${nodeConfigs}/a`)
  expect(await readMergedConfig(volumes)).toEqual(merged)
  await buildConfig(api, 's1', volumes, () => undefined)
  expect(await readMergedConfig(volumes)).toEqual({ 'custom-cni-conf': 'true', mtu: '1400' })
})

it("install-cni-binaries: leaves K3s' loopback as it is, and brings one where there is none", async () => {
  for (const name of ['k3s', 'empty']) mkdirSync(join(volumes, name))
  writeFileSync(join(volumes, 'k3s/loopback'), 'of K3s')
  for (const name of ['k3s', 'empty']) {
    rmSync(join(volumes, 'cni-path'), { force: true })
    symlinkSync(join(volumes, name), join(volumes, 'cni-path'))
    await installCniBinaries(volumes)
    expect(readdirSync(join(volumes, name))).toEqual(['cilium-cni', 'loopback'])
  }
  expect(readFileSync(join(volumes, 'k3s/loopback'), 'utf8')).toBe('of K3s')
  expect(readFileSync(join(volumes, 'empty/loopback'), 'utf8')).toContain('CNI_COMMAND')
})
