import { expect, test } from 'vitest'
import type { KubeApi, KubeObject } from '../../src/kube/api.ts'
import { ciliumReleaseDeleted } from '../../src/operations/cilium-release-deleted.ts'
import type { World } from '../../src/operations/world.ts'
import { ToyClock } from '../engine/toy/clock.ts'
import { noting } from './fake-guards.ts'
import { someFacts } from './some-facts.ts'

const ofRelease = (name: string, namespace: string) => ({
  'meta.helm.sh/release-name': name,
  'meta.helm.sh/release-namespace': namespace,
})
const object = (kind: string, name: string, more: Partial<KubeObject['metadata']> = {}): KubeObject => ({
  apiVersion: '',
  kind,
  metadata: { name, ...more },
})

test('what helm made of the release goes, whatever became of it; nothing of anybody else', async () => {
  const there = [
    object('ConfigMap', 'cilium-config', { namespace: 'kube-system', annotations: ofRelease('cilium', 'kube-system') }),
    object('ConfigMap', 'mine', { namespace: 'kube-system', annotations: ofRelease('mine', 'kube-system') }),
    object('ConfigMap', 'other', { namespace: 'other', annotations: ofRelease('cilium', 'other') }),
    object('ClusterRole', 'cilium', { annotations: ofRelease('cilium', 'kube-system') }),
    object('ClusterRole', 'admin'),
    object('Node', 's1', { labels: { 'cni-migrate.io/cilium': 'admitted' } }),
    object('Node', 's2', { labels: { 'cni-migrate.io/cilium': 'of-mine' } }),
    object('Secret', 'sh.helm.release.v1.cilium.v1', { namespace: 'kube-system', labels: { owner: 'helm' } }),
  ]
  const deleted: string[] = []
  const patched: string[] = []
  const kube = {
    async get() {
      return null
    },
    async list({ kind }, { labelSelector } = {}) {
      if (labelSelector === undefined) return there.filter((one) => one.kind === kind)
      return labelSelector === 'owner=helm,name=cilium'
        ? there.filter(({ metadata }) => metadata.labels?.owner === 'helm')
        : []
    },
    async patch({ kind }, name, _namespace, patch) {
      patched.push(`${kind} ${name} ${JSON.stringify(patch)}`)
      return object(kind, name)
    },
    async delete({ kind }, name, namespace) {
      deleted.push(`${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`)
    },
  } satisfies Partial<KubeApi>
  const world = { kube: kube as unknown as KubeApi, clock: new ToyClock() } as unknown as World
  await ciliumReleaseDeleted.apply(world, 'cluster', { byObject: false, version: null }, noting(new Map()))
  expect(deleted.slice(0, 3)).toEqual([
    'ConfigMap kube-system/cilium-config',
    'ClusterRole cilium',
    // Last: by it a release that is half gone is found again.
    'Secret kube-system/sh.helm.release.v1.cilium.v1',
  ])
  expect(
    deleted
      .slice(3)
      .every((line) => /^(Lease kube-system\/cilium-operator|CustomResourceDefinition cilium)/.test(line)),
  ).toBe(true)
  expect(patched).toEqual([
    'Node s1 {"metadata":{"labels":{"cni-migrate.io/cilium":null,"io.cilium.migration/cilium-default":null}}}',
  ])
})

test('a release that never came to be is told by what it has made', () => {
  const facts = someFacts()
  expect(ciliumReleaseDeleted.diff(facts, 'cluster', undefined)).toBeNull()
  facts.kube.cilium.config = { 'tunnel-protocol': 'vxlan' }
  expect(ciliumReleaseDeleted.diff(facts, 'cluster', undefined)).toEqual({ byObject: false, version: null })
  facts.kube.cilium.chart = { by: 'helm-chart-object', version: '1.17.6', values: '' }
  expect(ciliumReleaseDeleted.diff(facts, 'cluster', undefined)).toEqual({ byObject: true, version: '1.17.6' })
})
