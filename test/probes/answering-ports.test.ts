import net from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { askPorts, silentPorts, sourcesSeen } from '../../src/probes/answering-ports.ts'
import { type LocalNode, localNode } from '../nodes/local-node.ts'
import { clusterFacts } from './cluster-facts.ts'

let node: LocalNode
const servers: net.Server[] = []
beforeEach(() => {
  node = localNode('n1')
})
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
  node.remove()
})

async function serving(answer: (socket: net.Socket) => void): Promise<number> {
  const server = net.createServer((socket) => answer(socket.on('error', () => {})))
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as net.AddressInfo).port
}

test('what answers, what answers in HTTP, and what nobody listens on', async () => {
  const http = await serving((socket) => socket.once('data', () => socket.end('HTTP/1.0 200 OK\r\n\r\nhello\n')))
  const other = await serving((socket) => socket.write('220 mail\r\n'))
  const pod = (name: string, ports: number[]) => ({ namespace: 'a', name, node: 'n1', ip: '127.0.0.1', ports })
  const facts = clusterFacts([pod('web', [http]), pod('mail', [other]), pod('named', [other]), pod('none', [1])])
  const named = { name: 'http', port: other, protocol: 'TCP', hostPort: null }
  for (const one of facts.kube.pods) {
    if (one.name === 'web') one.containerPorts = [{ ...named, port: http }]
    // It is called http, and is none.
    if (one.name === 'named') one.containerPorts = [named]
  }
  const nodes = { names: ['n1'], get: () => node, close: async () => {} }
  const answering = await askPorts(nodes, facts)
  expect(Object.fromEntries(answering)).toEqual({
    [`a/web:${http}`]: { http: true },
    [`a/mail:${other}`]: { http: false },
    [`a/named:${other}`]: { http: false },
    'a/none:1': null,
  })
  expect(silentPorts(answering)).toEqual(["nothing listens on a/none:1, although the pod's containers name it"])
})

test('whom a server saw, where it says one address and no more', () => {
  const said = (text: string | null) => {
    const one = {
      from: 'a/x',
      to: 'b/y',
      address: '10.0.0.1',
      port: 80,
      outcome: 'ok' as const,
      durationMs: 1,
      said: text,
    }
    return sourcesSeen([one]).get('a/x>b/y:80') ?? null
  }
  expect(said('web-1 10.42.0.7')).toBe('10.42.0.7')
  expect(said('RemoteAddr: 10.42.0.7, really')).toBe('10.42.0.7')
  expect(said('from fd00::7')).toBe('fd00::7')
  expect(said('10.42.0.7 and 10.42.0.8')).toBeNull()
  expect(said('version 1.2.3 at 10:20:30')).toBeNull()
  expect(said('HTTP/1.0 200 OK')).toBeNull()
  expect(said(null)).toBeNull()
})
