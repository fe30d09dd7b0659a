import { describe, expect, test } from 'vitest'
import { InputError } from '../../src/errors.ts'
import { checkLabName, isCgroupOf, isNamespaceOf, planNodes } from '../../src/lab/layout.ts'

describe('planNodes', () => {
  test('names and addresses of servers and agents', () => {
    expect(planNodes(2, 2)).toEqual([
      { name: 's1', role: 'server', address: '192.168.77.11' },
      { name: 's2', role: 'server', address: '192.168.77.12' },
      { name: 'a1', role: 'agent', address: '192.168.77.21' },
      { name: 'a2', role: 'agent', address: '192.168.77.22' },
    ])
  })

  test('no two nodes share an address at the most there can be', () => {
    const addresses = planNodes(10, 234).map((node) => node.address)
    expect(new Set(addresses).size).toBe(244)
    expect(addresses.at(-1)).toBe('192.168.77.254')
  })

  test.each([
    [0, 1],
    [11, 0],
    [1.5, 0],
    [1, -1],
    [1, 235],
    [Number.NaN, 0],
  ])('%d servers and %d agents are refused', (servers, agents) => {
    expect(() => planNodes(servers, agents)).toThrow(InputError)
  })
})

test.each(['', 'Lab', '1lab', 'a_b', '../x', 'a b', 'lab-', 'a'.repeat(32)])('lab name "%s" is refused', (name) => {
  expect(() => checkLabName(name)).toThrow(InputError)
})

test('a lab does not take the namespaces and cgroups of a lab whose name begins like its own', () => {
  expect(isNamespaceOf('a', 'lab-a-s1')).toBe(true)
  expect(isNamespaceOf('a', 'lab-a-operator')).toBe(true)
  expect(isNamespaceOf('a', 'lab-a-b-s1')).toBe(false)
  expect(isNamespaceOf('a-b', 'lab-a-b-s1')).toBe(true)
  expect(isNamespaceOf('a', 'lab-a-s1x')).toBe(false)
  expect(isCgroupOf('a', 'cni-migrate-lab.a.s1')).toBe(true)
  expect(isCgroupOf('a', 'cni-migrate-lab.a-b.s1')).toBe(false)
})
