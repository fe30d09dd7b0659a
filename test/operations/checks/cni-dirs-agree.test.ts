import { expect, test } from 'vitest'
import { cniDirsAgree } from '../../../src/operations/checks/cni-dirs-agree.ts'
import { someFacts } from '../some-facts.ts'

test('one node that looks elsewhere blocks, and every node’s place is told', () => {
  const facts = someFacts()
  expect(cniDirsAgree(facts)).toMatchObject([{ level: 'fine' }])
  const { a1 } = facts.nodes
  if (!a1) throw new Error('no node a1')
  a1.k3s.cni.binDir = '/var/lib/rancher/k3s/data/current/bin'
  expect(cniDirsAgree(facts)).toMatchObject([
    { level: 'blocks', detail: expect.stringMatching(/s1: .*data\/cni.*a1: .*current\/bin/) },
  ])
})
