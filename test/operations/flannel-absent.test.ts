import { expect, test } from 'vitest'
import { flannelAbsent } from '../../src/operations/flannel-absent.ts'
import { someFacts } from './some-facts.ts'

test('a node that was switched off and on since has fewer of them: the same change all the same', () => {
  const facts = someFacts()
  const { s2 } = facts.nodes
  if (!s2) throw new Error('no node s2')
  const planned = flannelAbsent.diff(facts, 's2', undefined)
  if (!planned) throw new Error('nothing of flannel on s2')
  expect(planned.links).toContain('flannel.1')
  s2.network.links = s2.network.links.filter(({ name }) => name !== 'flannel.1' && name !== 'cni0')
  const lease = '/var/lib/cni/networks/cbr0/10.42.1.9'
  s2.cni.files[lease] = { path: lease, type: 'file', sizeBytes: 64, mode: 0o644, text: null, sha256: null }
  const found = flannelAbsent.diff(facts, 's2', undefined)
  expect(found?.links).toEqual([])
  expect(found && flannelAbsent.fingerprint(found)).toEqual(flannelAbsent.fingerprint(planned))
  expect(flannelAbsent.diff(flannelAbsent.predict(facts, 's2', planned), 's2', undefined)?.paths).toEqual([lease])
})
