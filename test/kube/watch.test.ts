import { expect, test } from 'vitest'
import type { KubeApi, KubeObject } from '../../src/kube/api.ts'
import { KubeError, KubeUnreachableError } from '../../src/kube/errors.ts'
import { changes } from '../../src/kube/watch.ts'

const pods = { apiVersion: 'v1', kind: 'Pod' }
const pod = (name: string, resourceVersion: string, uid = name): KubeObject => ({
  ...pods,
  metadata: { name, namespace: 'shop', uid, resourceVersion },
})
const event = (type: string, object: object) => ({ type, object })
const gone = event('ERROR', { code: 410, message: 'too old resource version' })

/** An API that answers each list and each watch with the next of these, and ends everything when there is none left. */
function scene(lists: KubeObject[][], watches: (unknown[] | Error)[]) {
  const stop = new AbortController()
  const asked: string[] = []
  let version = 100
  const api = {
    raw: async (path: string) => {
      if (path === '/api/v1') {
        const resources = [
          { name: 'pods/log', kind: 'Pod' },
          { name: 'pods', kind: 'Pod' },
        ]
        return { status: 200, body: JSON.stringify({ resources }) }
      }
      asked.push(path)
      version += 100
      const items = lists.shift() ?? []
      return { status: 200, body: JSON.stringify({ metadata: { resourceVersion: String(version) }, items }) }
    },
    async *follow(path: string) {
      asked.push(/resourceVersion=\d+/.exec(path)?.[0] ?? path)
      const lines = watches.shift()
      if (lines instanceof Error) throw lines
      if (lines === undefined) {
        stop.abort()
        throw new KubeUnreachableError('stopped')
      }
      yield* lines
    },
  } as unknown as KubeApi
  const troubles: string[] = []
  const read = async () => {
    const found: string[] = []
    const options = { signal: stop.signal, sleep: async () => {}, onTrouble: (why: string) => void troubles.push(why) }
    for await (const { verb, object, before } of changes(api, pods, options))
      found.push(`${verb} ${object.metadata.name}${before ? ` after ${before.metadata.resourceVersion}` : ''}`)
    return found
  }
  return { read, asked, troubles }
}

test('what was there at first is not told; what changes is', async () => {
  const { read, asked } = scene(
    [[pod('a', '10')]],
    [[event('MODIFIED', pod('a', '201')), event('ADDED', pod('b', '202')), event('DELETED', pod('a', '203'))]],
  )
  expect(await read()).toEqual(['modified a after 10', 'added b', 'deleted a'])
  expect(asked.slice(0, 2)).toEqual(['/api/v1/pods', 'resourceVersion=200'])
})

test('a watch that ends goes on where it was, also where only a bookmark said so', async () => {
  const { read, asked } = scene(
    [[]],
    [[event('ADDED', pod('a', '201'))], [event('BOOKMARK', { metadata: { resourceVersion: '300' } })], []],
  )
  expect(await read()).toEqual(['added a'])
  expect(asked).toEqual([
    '/api/v1/pods',
    'resourceVersion=200',
    'resourceVersion=201',
    'resourceVersion=300',
    'resourceVersion=300',
  ])
})

test.each([
  ['as an event', [gone]],
  ['as the answer', new KubeError(410, 'too old resource version')],
])('410 %s: a new list tells what was missed, each once', async (_, answer) => {
  const first = [pod('stays', '10'), pod('changes', '11'), pod('goes', '12'), pod('new-self', '13', 'uid-1')]
  const second = [pod('stays', '10'), pod('changes', '250'), pod('new-self', '260', 'uid-2'), pod('comes', '270')]
  const { read, asked, troubles } = scene([first, second], [answer, []])
  expect(await read()).toEqual([
    'deleted goes',
    'deleted new-self',
    'modified changes after 11',
    'added new-self',
    'added comes',
  ])
  expect(asked).toEqual([
    '/api/v1/pods',
    'resourceVersion=200',
    '/api/v1/pods',
    'resourceVersion=300',
    'resourceVersion=300',
  ])
  expect(troubles).toEqual([])
})

test('an API that does not answer is asked again, from where it was, and it is told', async () => {
  const { read, asked, troubles } = scene(
    [[]],
    [
      [event('ADDED', pod('a', '201'))],
      new KubeUnreachableError('connection refused'),
      [event('DELETED', pod('a', '205'))],
    ],
  )
  expect(await read()).toEqual(['added a', 'deleted a'])
  expect(asked.slice(1)).toEqual([
    'resourceVersion=200',
    'resourceVersion=201',
    'resourceVersion=201',
    'resourceVersion=205',
  ])
  expect(troubles).toEqual([
    'watching Pod: connection refused; what changed meanwhile was seen when the API answered again',
  ])
})

test('what nobody can mend by asking again is an error', async () => {
  const { read } = scene([[]], [new KubeError(403, 'pods is forbidden')])
  await expect(read()).rejects.toThrow('forbidden')
})
