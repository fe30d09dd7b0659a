import { describe, expect, it } from 'vitest'
import { split } from '../../../src/lab/standin/kubectl/kubectl.ts'
import { age, podState } from '../../../src/lab/standin/kubectl/table.ts'
import { object } from '../controllers/view.ts'

describe('split', () => {
  it.each([
    [['get', 'pods', '-A', '-o', 'json'], ['get', 'pods'], { 'all-namespaces': 'true', output: 'json' }],
    [['get', 'pods', '-ojson', '-nkube-system'], ['get', 'pods'], { output: 'json', namespace: 'kube-system' }],
    [['get', '--raw=/readyz?verbose'], ['get'], { raw: '/readyz?verbose' }],
    [['apply', '-f', '-'], ['apply'], { filename: '-' }],
    [['get', 'pods', '-l', 'a=b,c=d'], ['get', 'pods'], { selector: 'a=b,c=d' }],
  ])('%j', (argv, words, options) => {
    const read = split(argv)
    expect([read.words, Object.fromEntries(read.options)]).toEqual([words, options])
  })
})

describe('podState', () => {
  const pod = (status: object, metadata: object = {}) => object('Pod', 'a', { spec: {}, status }, metadata)
  it.each([
    [pod({ phase: 'Running', containerStatuses: [{ state: { running: {} } }] }), 'Running'],
    [
      pod({ phase: 'Pending', containerStatuses: [{ state: { waiting: { reason: 'ContainerCreating' } } }] }),
      'ContainerCreating',
    ],
    [pod({ phase: 'Succeeded', containerStatuses: [{ state: { terminated: { reason: 'Completed' } } }] }), 'Completed'],
    [
      pod({
        phase: 'Pending',
        initContainerStatuses: [{ state: { terminated: { exitCode: 0 } } }, { state: { running: {} } }],
      }),
      'Init:1/2',
    ],
    [pod({ phase: 'Running' }, { deletionTimestamp: 't' }), 'Terminating'],
  ])('%#', (one, expected) => {
    expect(podState(one)).toBe(expected)
  })
})

it.each([
  ['2026-01-01T11:59:15Z', '45s'],
  ['2026-01-01T11:56:48Z', '3m12s'],
  ['2026-01-01T11:00:00Z', '60m'],
  ['2026-01-01T07:00:00Z', '5h'],
  ['2025-12-20T12:00:00Z', '12d'],
])('age since %s', (since, expected) => {
  expect(age(since, new Date('2026-01-01T12:00:00Z'))).toBe(expected)
})
