import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readHelmRelease } from '../../src/facts/helm-release.ts'
import type { KubeApi, KubeObject } from '../../src/kube/api.ts'

/** helm's own form: JSON, gzip, base64, and base64 as every Secret. */
function secret(revision: number, record: unknown): KubeObject {
  const packed = gzipSync(JSON.stringify(record)).toString('base64')
  return release(revision, Buffer.from(packed).toString('base64'))
}

function release(revision: number, data: string): KubeObject {
  const labels = { owner: 'helm', name: 'cilium', status: 'deployed', version: `${revision}` }
  const metadata = { name: `sh.helm.release.v1.cilium.v${revision}`, namespace: 'kube-system', labels }
  return { apiVersion: 'v1', kind: 'Secret', type: 'helm.sh/release.v1', metadata, data: { release: data } }
}

const read = (...secrets: KubeObject[]) => {
  const list: KubeApi['list'] = async (kind, options) => {
    expect([kind.kind, options]).toEqual([
      'Secret',
      { namespace: 'kube-system', labelSelector: 'owner=helm,name=cilium,status=deployed' },
    ])
    return secrets
  }
  return readHelmRelease({ list } as KubeApi, 'kube-system', 'cilium')
}
const record = (version: string, config: unknown) => ({ name: 'cilium', chart: { metadata: { version } }, config })

test('the version of the chart and the values that were given', async () => {
  const config = { tunnelPort: 8473, devices: ['eth0'], cni: { customConf: true } }
  const found = await read(secret(1, record('1.17.6', config)))
  expect(found?.version).toBe('1.17.6')
  expect(parse(found?.values ?? '')).toEqual(config)
})

test('the newest revision counts, by number', async () => {
  const found = await read(
    secret(9, record('1.17.5', {})),
    secret(10, record('1.17.6', {})),
    secret(2, record('1.1.1', {})),
  )
  expect(found?.version).toBe('1.17.6')
})

test('no release, and one without values', async () => {
  expect(await read()).toBeNull()
  expect(parse((await read(secret(1, record('1.17.6', null))))?.values ?? '')).toEqual({})
})

const bomb = Buffer.from(gzipSync(Buffer.alloc(64 * 1024 ** 2)).toString('base64')).toString('base64')
test.each([
  ['not base64', release(1, '%%%')],
  ['not gzip', release(1, Buffer.from('eA==').toString('base64'))],
  ['not a release', secret(1, { name: 'cilium' })],
  ['endless', release(1, bomb)],
])('%s: told which Secret', async (_what, object) => {
  await expect(read(object)).rejects.toThrow(
    'Secret kube-system/sh.helm.release.v1.cilium.v1 is not a release as helm keeps it',
  )
})
