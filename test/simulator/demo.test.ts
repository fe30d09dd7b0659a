import { expect, test } from 'vitest'
import { demonstrateSimulated } from '../../src/simulator/demo.ts'

test('where no nodes can be made: planned, killed, resumed, compared, in memory', async () => {
  const said: string[] = []
  await demonstrateSimulated((line) => said.push(line))
  const output = said.join('\n')
  const inOrder = [
    '+flannel-backend: none',
    'Killed: nothing',
    'of its tasks in',
    'resuming run',
    'the run is finished',
  ]
  const places = [...inOrder, 'Nothing to do'].map((text) => output.indexOf(text))
  expect(places).not.toContain(-1)
  expect(places).toEqual(places.toSorted((a, b) => a - b))
  const counted = (what: string) => new RegExp(`^${what} +(\\d+) +(\\d+) *$`, 'm').exec(output)?.slice(1)
  expect(counted('pods on flannel')).toEqual(['11', '0'])
  expect(counted('pods on Cilium')).toEqual(['0', '11'])
  expect(counted("kube-router's chains")?.[1]).toBe('0')
  expect(counted('pairs that policies forbid')?.[0]).toBe(counted('pairs that policies forbid')?.[1])
})
