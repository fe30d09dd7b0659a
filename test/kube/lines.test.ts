import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { request } from 'undici'
import { expect, test } from 'vitest'
import { lines } from '../../src/kube/lines.ts'

/** Reads an answer that begins with one line and goes on as `rest` says. */
async function read(rest: (response: ServerResponse) => void): Promise<string[]> {
  const server = createServer((_, response) => {
    response.writeHead(200)
    response.write('one\n', () => rest(response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const found: string[] = []
  try {
    const { port } = server.address() as AddressInfo
    const { body } = await request(`http://127.0.0.1:${port}`, { bodyTimeout: 200 })
    for await (const line of lines(body)) found.push(line)
  } finally {
    server.closeAllConnections()
    server.close()
  }
  return found
}

test.each([
  ['is over', (response: ServerResponse) => response.end('two\n')],
  ['is cut off', (response: ServerResponse) => response.write('two\n', () => setImmediate(() => response.destroy()))],
])('an answer that %s has ended', async (_, rest) => {
  expect(await read(rest)).toEqual(['one', 'two'])
})

test('an answer that says nothing any more is an error', async () => {
  await expect(read(() => {})).rejects.toThrow(/timeout/i)
})
