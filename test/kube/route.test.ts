import { expect, test } from 'vitest'
import { route } from '../../src/kube/route.ts'
import { UnreachableError } from '../../src/nodes/errors.ts'
import type { Node } from '../../src/nodes/node.ts'
import { aServer, shouting } from './a-server.ts'

const unreachable = (name: string): Node => ({
  ...aServer(name, null),
  run: () => Promise.reject(new UnreachableError(`${name} is silent`)),
})

test('a server that is cut off is not waited for again; once it answers it is asked in its turn', async () => {
  await using api = await shouting()
  const back = aServer('s1', api.port)
  const answer = Promise.withResolvers<void>()
  let tries = 0
  const s1: Node = {
    ...back,
    async run(command) {
      tries += 1
      // As long as it takes a connection to time out.
      if (tries === 1) throw new UnreachableError('s1: no answer in 10 s')
      await answer.promise
      return await back.run(command)
    },
  }
  const asked: string[] = []
  const servers = [s1, aServer('s2', api.port)].map((server) => ({
    ...server,
    connect(host: string, port: number) {
      asked.push(server.name)
      return server.connect(host, port)
    },
  }))
  const { open, rotate } = route(servers)
  const openAndTurn = async () => {
    const { stream } = await open()
    stream.destroy()
    rotate()
  }
  for (let at = 0; at < 3; at++) await openAndTurn()
  expect(asked).toEqual(['s2', 's2', 's2'])
  answer.resolve()
  await expect
    .poll(async () => {
      await openAndTurn()
      return asked
    })
    .toContain('s1')
  expect(tries).toBe(2)
})

test('where none can be reached all are asked, and each is told of', async () => {
  const { open } = route([unreachable('s1'), unreachable('s2')])
  for (let at = 0; at < 2; at++)
    await expect(open()).rejects.toThrow("no server's API could be reached (s1: s1 is silent; s2: s2 is silent)")
})
