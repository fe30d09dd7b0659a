import { describe, expect, it } from 'vitest'
import { upgradePatch } from '../../../src/lab/standin/helm/three-way.ts'

const manifest = {
  spec: { replicas: 1, template: { spec: { containers: [{ name: 'a', env: [{ name: 'X', value: '1' }] }] } } },
}
// The same object as the API server keeps it, with what it filled in.
const live = {
  metadata: { uid: 'u' },
  spec: {
    replicas: 1,
    template: {
      spec: { dnsPolicy: 'ClusterFirst', containers: [{ name: 'a', env: [{ name: 'X', value: '1' }], resources: {} }] },
    },
  },
}

describe('upgradePatch', () => {
  it('leaves alone what only the API server added', () => {
    expect(upgradePatch(live, manifest, manifest)).toBeUndefined()
  })

  it('sends what changed and brings back what somebody else changed', () => {
    const wanted = { spec: { ...manifest.spec, replicas: 2 } }
    expect(upgradePatch(live, wanted, manifest)).toEqual({ spec: { replicas: 2 } })
    const drifted = { ...live, spec: { ...live.spec, replicas: 9 } }
    expect(upgradePatch(drifted, manifest, manifest)).toEqual({ spec: { replicas: 1 } })
  })

  it('replaces a list as a whole when an entry of it lost or changed a field', () => {
    const containers = [{ name: 'a' }]
    const wanted = { spec: { ...manifest.spec, template: { spec: { containers } } } }
    expect(upgradePatch(live, wanted, manifest)).toEqual({ spec: { template: { spec: { containers } } } })
  })

  it('takes away what only the old manifest had', () => {
    expect(upgradePatch({ data: { a: '1', b: '2' } }, { data: { a: '1' } }, { data: { a: '1', b: '2' } })).toEqual({
      data: { b: null },
    })
  })
})
