import { expect, test } from 'vitest'
import { readObstacles } from '../../src/facts/obstacles.ts'
import type { KindRef, KubeApi, KubeObject } from '../../src/kube/api.ts'
import { KubeError } from '../../src/kube/errors.ts'

/** An API that serves these kinds; an error is what it answers. */
const api = (kinds: Record<string, object[] | Error>) =>
  ({
    async list({ kind, apiVersion }: KindRef): Promise<KubeObject[]> {
      const found = kinds[kind] ?? new KubeError(404, `no ${kind}`)
      if (found instanceof Error) throw found
      return found.map((object) => ({ apiVersion, kind, metadata: { name: 'x' }, ...object }))
    },
  }) as unknown as KubeApi

const metadata = (name: string) => ({ name, namespace: 'shop' })

test('budgets, webhooks that fail closed, Argo CD that synchronises, volumes by what serves them', async () => {
  const hook = (name: string, failurePolicy?: string, service?: object) => ({
    name,
    ...(failurePolicy === undefined ? {} : { failurePolicy }),
    clientConfig: service === undefined ? { url: 'https://x' } : { service },
    rules: [{ resources: ['pods', 'deployments'] }],
  })
  const facts = await readObstacles(
    api({
      PodDisruptionBudget: [
        {
          metadata: metadata('web'),
          status: { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
        },
        { metadata: metadata('selects-nothing'), status: { expectedPods: 0 } },
      ],
      ValidatingWebhookConfiguration: [
        {
          metadata: { name: 'cert-manager' },
          webhooks: [hook('a', 'Fail', { namespace: 'cm', name: 'wh' }), hook('b', 'Ignore'), hook('c')],
        },
      ],
      MutatingWebhookConfiguration: [],
      Application: [
        { metadata: metadata('auto'), spec: { syncPolicy: { automated: {} } } },
        { metadata: metadata('by-hand'), spec: {} },
      ],
      PersistentVolume: [
        {
          metadata: { name: 'pv1' },
          spec: { accessModes: ['ReadWriteMany'], csi: { driver: 'driver.longhorn.io' }, claimRef: metadata('data') },
        },
        { metadata: { name: 'pv2' }, spec: { nfs: { server: 'x' } } },
      ],
    }),
  )
  expect(facts).toEqual({
    unread: {},
    disruptionBudgets: [{ namespace: 'shop', name: 'web', allowed: 0, healthy: 1, wanted: 1 }],
    webhooks: [
      {
        kind: 'ValidatingWebhookConfiguration',
        configuration: 'cert-manager',
        name: 'a',
        service: { namespace: 'cm', name: 'wh' },
        resources: ['deployments', 'pods'],
      },
      expect.objectContaining({ name: 'c', service: null }),
    ],
    argo: [{ namespace: 'shop', name: 'auto' }],
    volumes: [
      { name: 'pv1', claim: 'shop/data', kind: 'driver.longhorn.io', accessModes: ['ReadWriteMany'] },
      { name: 'pv2', claim: null, kind: 'nfs', accessModes: [] },
    ],
  })
})

test('a kind that is not served has no objects; one that may not be read is named', async () => {
  const facts = await readObstacles(
    api({ PodDisruptionBudget: new KubeError(403, 'forbidden'), PersistentVolume: [{ spec: { csi: 'what' } }] }),
  )
  expect(facts.unread).toEqual({
    PodDisruptionBudget: 'forbidden',
    PersistentVolume: 'PersistentVolume x has a form that is not known here',
  })
  expect(facts.argo).toEqual([])
})
