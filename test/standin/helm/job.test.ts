import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { chartVersion, runJob, valuesFromArguments } from '../../../src/lab/standin/helm/job.ts'
import { releases } from '../../../src/lab/standin/helm/release.ts'
import { FakeApi } from '../cilium/fake-api.ts'

let volumes: string
let api: FakeApi
beforeEach(() => {
  volumes = mkdtempSync(join(tmpdir(), 'helm-job-'))
  mkdirSync(join(volumes, 'values'))
  api = new FakeApi()
})
afterEach(() => rmSync(volumes, { recursive: true }))

const configMap = '/api/v1/namespaces/kube-system/configmaps/cilium-config'
const daemonSet = '/apis/apps/v1/namespaces/kube-system/daemonsets/cilium'
const job = (values: string, env: Record<string, string> = {}, argv = ['install']) => {
  writeFileSync(join(volumes, 'values', 'values-01_HelmChart.yaml'), values)
  return runJob({
    api,
    argv,
    print: () => undefined,
    env: {
      NAME: 'cilium',
      TARGET_NAMESPACE: 'kube-system',
      CHART: 'cilium',
      VERSION: '1.17.6',
      REPO: 'https://helm.cilium.io',
      STANDIN_VOLUMES: volumes,
      ...env,
    },
  })
}
const values = `k8sServiceHost: 127.0.0.1
k8sServicePort: 6444
kubeProxyReplacement: false
tunnelPort: 8473
policyEnforcementMode: never
l7Proxy: false
hubble: { enabled: false }
cni: { customConf: true }
ipam: { operator: { clusterPoolIPv4PodCIDRList: ["10.52.0.0/16"] } }
operator: { replicas: 1, unmanagedPodWatcher: { restart: false } }
`

describe('runJob', () => {
  it('installs what the values ask for and records the release', async () => {
    await job(values)
    const { data } = await api.get(configMap)
    expect(data).toMatchObject({
      'cluster-pool-ipv4-cidr': '10.52.0.0/16',
      'custom-cni-conf': 'true',
      'enable-policy': 'never',
      'tunnel-port': '8473',
      'unmanaged-pod-watcher-interval': '0',
    })
    expect(data['write-cni-conf-when-ready']).toBeUndefined()
    const { spec } = await api.get(daemonSet)
    const address = { name: 'KUBERNETES_SERVICE_HOST', value: '127.0.0.1' }
    expect(spec.template.spec.initContainers).toHaveLength(6)
    expect(spec.template.spec.initContainers[0].env).toContainEqual(address)
    expect(spec.template.spec.containers[0].env).toContainEqual(address)
    const [release] = await releases(api, 'kube-system', 'cilium')
    expect(release).toMatchObject({ revision: 1, status: 'deployed', chartVersion: '1.17.6' })
  })

  it('upgrades in place: a new revision, the same template when only configuration changed', async () => {
    await job(values)
    const before = await api.get(daemonSet)
    await job(values.replace('never', 'default'))
    expect((await api.get(configMap)).data['enable-policy']).toBe('default')
    const after = await api.get(daemonSet)
    expect(after.spec.template).toEqual(before.spec.template)
    expect(after.metadata.uid).toBe(before.metadata.uid)
    const all = await releases(api, 'kube-system', 'cilium')
    expect(all.map(({ revision, status }) => [revision, status])).toEqual([
      [2, 'deployed'],
      [1, 'superseded'],
    ])
  })

  it('renders native routing: its range and routes, and no tunnel', async () => {
    await job(`${values}routingMode: native\nautoDirectNodeRoutes: true\nipv4NativeRoutingCIDR: 10.52.0.0/16\n`)
    const { data } = await api.get(configMap)
    expect(data).toMatchObject({
      'routing-mode': 'native',
      'auto-direct-node-routes': 'true',
      'ipv4-native-routing-cidr': '10.52.0.0/16',
    })
    expect(Object.keys(data).filter((key) => key.startsWith('tunnel'))).toEqual([])
    await expect(job(`${values}routingMode: tunnel\nautoDirectNodeRoutes: true\n`)).rejects.toThrow(
      /autoDirectNodeRoutes/,
    )
  })

  it('an upgrade brings keys that somebody patched back to what the values say', async () => {
    await job(values)
    await api.patch(configMap, { data: { 'routing-mode': 'native', 'ipv4-native-routing-cidr': '10.52.0.0/16' } })
    await job(`${values}updateStrategy: { type: OnDelete }\n`)
    expect((await api.get(configMap)).data['routing-mode']).toBe('tunnel')
    expect((await api.get(daemonSet)).spec.updateStrategy.type).toBe('OnDelete')
  })

  it('removes what it installed and leaves what agents and operator made', async () => {
    await job(values)
    const node = { apiVersion: 'cilium.io/v2', kind: 'CiliumNode', metadata: { name: 'a' } }
    api.put('/apis/cilium.io/v2/ciliumnodes', node)
    await job(values, {}, ['delete'])
    await expect(api.get(daemonSet)).rejects.toMatchObject({ code: 404 })
    await expect(api.get(configMap)).rejects.toMatchObject({ code: 404 })
    expect(await releases(api, 'kube-system', 'cilium')).toEqual([])
    expect((await api.get('/apis/cilium.io/v2/ciliumnodes/a')).metadata.name).toBe('a')
  })

  it('fails with the chart error and touches nothing', async () => {
    await expect(job('kubeProxyReplacement: strict')).rejects.toThrow(/kubeProxyReplacement must be explicitly set/)
    await expect(job('tunnel: vxlan')).rejects.toThrow(/has been removed in v1.15/)
    await expect(job('tunnelPort: many')).rejects.toThrow(/cilium:\n- tunnelPort/)
    await expect(job('- a')).rejects.toThrow(/must hold a map/)
    await expect(api.get(configMap)).rejects.toMatchObject({ code: 404 })
    expect(await releases(api, 'kube-system', 'cilium')).toEqual([])
  })

  it('takes over nothing that helm did not make', async () => {
    const metadata = { name: 'cilium', namespace: 'kube-system' }
    api.put('/apis/apps/v1/namespaces/kube-system/daemonsets', { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata })
    await expect(job(values)).rejects.toThrow(/invalid ownership metadata/)
  })

  it('removes a failed release first, unless failurePolicy is abort', async () => {
    await job(values)
    const [release] = await releases(api, 'kube-system', 'cilium')
    if (release === undefined) throw new Error('no release')
    const { saveRelease } = await import('../../../src/lab/standin/helm/release.ts')
    await saveRelease(api, { ...release, status: 'failed' })
    const before = await api.get(daemonSet)
    await expect(job(values, { FAILURE_POLICY: 'abort' })).rejects.toThrow(/status "failed"/)
    expect((await api.get(daemonSet)).metadata.uid).toBe(before.metadata.uid)
    await job(values, { FAILURE_POLICY: 'reinstall' })
    expect((await api.get(daemonSet)).metadata.uid).not.toBe(before.metadata.uid)
  })

  it('has the values of a real release for every key that both versions know', async () => {
    const recorded = parse(readFileSync(new URL('../cilium/fixtures/cilium-config.yaml', import.meta.url), 'utf8'))
    await job(values.replace('never', 'default').replace('8473', '0').replace('customConf: true', 'uninstall: true'))
    const { data } = await api.get(configMap)
    // What 1.17 writes otherwise, or not at all.
    const changed = ['kube-proxy-replacement', 'tofqdns-endpoint-max-ip-per-hostname']
    const gone = Object.keys(recorded).filter((key) => !(key in data))
    expect(gone.sort()).toEqual([
      'disable-cnp-status-updates',
      'disable-endpoint-crd',
      'enable-bgp-control-plane',
      'enable-remote-node-identity',
      'sidecar-istio-proxy-image',
      'skip-cnp-status-startup-clean',
      'tofqdns-min-ttl',
      'tunnel',
    ])
    for (const [key, value] of Object.entries(recorded)) {
      if (key in data && !changed.includes(key)) expect([key, data[key]]).toEqual([key, value])
    }
  })
})

describe('values', () => {
  it('reads --set and --set-string', () => {
    expect(valuesFromArguments(['install', '--set', 'a.b=1', '--set-string', 'a.c=2'])).toEqual({ a: { b: 1, c: '2' } })
  })
})

describe('chartVersion', () => {
  it('takes the version, the archive name, or the newest', () => {
    expect(chartVersion('cilium', 'v1.17.6', 'https://helm.cilium.io')).toBe('1.17.6')
    expect(chartVersion('https://x/cilium-1.16.8.tgz', '', '')).toBe('1.16.8')
    expect(chartVersion('oci://quay.io/cilium/charts/cilium', '', '')).toBe('1.17.6')
  })

  it('knows no other chart and no other version', () => {
    expect(() => chartVersion('traefik', '', 'https://helm.cilium.io')).toThrow(/not found in https:..helm.cilium.io/)
    expect(() => chartVersion('cilium', '9.9.9', 'https://helm.cilium.io')).toThrow(/no chart version found/)
  })
})
