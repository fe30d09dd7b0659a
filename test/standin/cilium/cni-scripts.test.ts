import { expect, it } from 'vitest'
import { ciliumCni } from '../../../src/lab/standin/cilium/cni-scripts.ts'

it('uses only modules of perl-base: a node has no other', () => {
  const modules = [...ciliumCni.matchAll(/\buse (\S+?)[ ;]/g)].map(([, name]) => name)
  expect(modules).toEqual(['strict', 'warnings', 'Socket'])
})
