import { expect, test } from 'vitest'
import { goneHostPorts } from '../../src/operations/netfilter-claimants.ts'
import { claimedOf } from '../../src/operations/netfilter-purged.ts'
import { someNode } from './some-facts.ts'

const id = (letter: string) => letter.repeat(64)
const chainOf = (letter: string) => `CNI-DN-${letter.repeat(21)}`

/** A node on which these containers have a host port, and of which the API of its containerd tells those. */
function nodeWith(mapped: readonly string[], ready: readonly string[]) {
  const node = someNode('s1', 0, 'server')
  const entry = (of: string) =>
    `-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"cbr0\\" id: \\"${id(of)}\\"" -m multiport --dports 80 -j ${chainOf(of)}`
  const nat = [
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    ...['CNI-HOSTPORT-DNAT', ...mapped.map(chainOf)].map((chain) => `:${chain} - [0:0]`),
    '-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
    ...mapped.map(entry),
    'COMMIT',
    '',
  ].join('\n')
  const [pattern] = node.sandboxes ?? []
  if (!pattern) throw new Error('there is no sandbox to make others of')
  return {
    ...node,
    netfilter: { ...node.netfilter, rulesets: { ...node.netfilter.rulesets, 'ip-nft': nat }, ipsets: '' },
    sandboxes: ready.map((of) => ({ ...pattern, id: id(of), ready: true })),
  }
}

const chainsIn = (node: ReturnType<typeof nodeWith>, before: ReturnType<typeof nodeWith>) =>
  claimedOf(node, goneHostPorts(before))?.rulesets['ip-nft']?.nat?.chains

test('the host port of a pod that is just being made is not taken for that of one that is gone', () => {
  const before = nodeWith(['a'], ['a'])
  expect(chainsIn(nodeWith(['a', 'b'], []), before)).toEqual([chainOf('a')])
  expect(chainsIn(nodeWith(['a', 'b'], ['b']), before)).toEqual([chainOf('a')])
  expect(chainsIn(nodeWith(['b'], []), before)).toBeUndefined()
})

test('when none is left the shared chains go too; one that stands still keeps its own', () => {
  const before = nodeWith(['a', 'b'], ['a', 'b'])
  expect(chainsIn(nodeWith(['a', 'b'], []), before)).toContain('CNI-HOSTPORT-DNAT')
  expect(chainsIn(nodeWith(['a', 'b'], ['b']), before)).toEqual([chainOf('a')])
})
