import { expect, test } from 'vitest'
import { verifyTable } from '../../src/report/verify-table.ts'

const before = { pairs: { tried: 60, worked: 32 }, rejected: 7, kubeRouter: 296, flannel: 16, ipsets: 456 }

test('before beside now; what nobody looked at is not a zero', () => {
  const now = { pairs: { tried: 60, worked: 31 }, rejected: null, kubeRouter: 0, flannel: 0, ipsets: 0 }
  expect(verifyTable({ before, now, pairs: { lost: 2, opened: 1, notComparable: 0 } }, 100)).toEqual([
    '                                                    before  now',
    'pairs that connect                                  32      31',
    'pairs that do not                                   28      29',
    'pairs lost                                                  2',
    'pairs opened                                                1',
    'pairs not comparable                                        0',
    'packets refused since the last sync of kube-router  7       -',
    "kube-router's chains and rules                      296     0",
    "kube-router's ipsets                                456     0",
    "flannel's chains and rules                          16      0",
  ])
  const untried = { ...before, pairs: null }
  const none = { lost: 0, opened: 0, notComparable: 0 }
  expect(verifyTable({ before: untried, now, pairs: none }, 100)[1]).toMatch(/^pairs that connect +- +31$/)
  expect(verifyTable({ before: untried, now: untried, pairs: none }, 100)[1]).toMatch(/^packets refused/)
})
