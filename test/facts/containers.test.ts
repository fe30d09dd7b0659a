import { expect, test } from 'vitest'
import { containersFamily } from '../../src/facts/containers.ts'
import { parseSections } from '../../src/facts/sections.ts'

const about = { node: 'n1', address: '', sentMs: 0, answeredMs: 0 }
const parsed = (text: string, code = 0) =>
  containersFamily.parse(
    parseSections(`@@ containers.list\n${Buffer.from(text).toString('base64')}\n@= ${code}\n@.\n@end\n`),
    about,
  )
const container = (name: string, state: string, uid: string | null = `uid-${name}`) => ({
  metadata: { attempt: 0, name },
  state,
  labels: uid === null ? {} : { 'io.kubernetes.pod.uid': uid },
})

test('what has not ended may run; what is of no pod is left out', () => {
  const containers = [
    container('runs', 'CONTAINER_RUNNING'),
    container('made', 'CONTAINER_CREATED'),
    container('who-knows', 'CONTAINER_UNKNOWN'),
    container('over', 'CONTAINER_EXITED'),
    container('by-hand', 'CONTAINER_RUNNING', null),
  ]
  expect(parsed(JSON.stringify({ containers }))?.map(({ podUid }) => podUid)).toEqual([
    'uid-runs',
    'uid-made',
    'uid-who-knows',
  ])
})

test('containerd that does not answer is not "nothing runs"', () => {
  expect(parsed('', 1)).toBeNull()
  expect(parsed('{"containers":null}')).toEqual([])
  expect(() => parsed('x')).toThrow('containers.list: expected JSON')
})
