import { existsSync, readFileSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { KubeUnreachableError } from '../../src/kube/errors.ts'
import { withKubeconfig } from '../../src/kube/forward.ts'
import { aServer, shouting } from './a-server.ts'

interface Kubeconfig {
  clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }]
  users: [{ user: { 'client-key-data': string } }]
}
const read = (path: string) => parse(readFileSync(path, 'utf8')) as Kubeconfig
const portOf = (path: string) => Number(new URL(read(path).clusters[0].cluster.server).port)

async function say(port: number, words: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(words)
  return await text(socket)
}

test('leads to the API of the server that answers, with what the API trusts, for as long as the work goes on', async () => {
  await using api = await shouting()
  const servers = [aServer('s1', null), aServer('s2', api.port)]
  let seen = { file: '', port: 0 }
  const said = await withKubeconfig(servers, async (file) => {
    seen = { file, port: portOf(file) }
    const { clusters, users } = read(file)
    expect(new URL(clusters[0].cluster.server).hostname).toBe('127.0.0.1')
    expect(atob(clusters[0].cluster['certificate-authority-data'])).toBe('the CA')
    expect(atob(users[0].user['client-key-data'])).toBe('the key')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(dirname(file)).mode & 0o777).toBe(0o700)
    return await Promise.all([say(seen.port, 'hello'), say(seen.port, 'again')])
  })
  expect(said).toEqual(['HELLO', 'AGAIN'])
  expect(existsSync(dirname(seen.file))).toBe(false)
  await expect(say(seen.port, 'anybody?')).rejects.toThrow('ECONNREFUSED')
})

test('the key is gone and nobody listens after work that failed, even with a connection open', async () => {
  await using api = await shouting()
  let file = ''
  let ended: Promise<unknown> = Promise.resolve()
  const work = withKubeconfig([aServer('s1', api.port)], async (path) => {
    file = path
    const socket = connect(portOf(path), '127.0.0.1')
    ended = new Promise((resolve) => socket.once('close', resolve))
    await new Promise((resolve) => socket.once('connect', resolve))
    throw new Error('it went wrong')
  })
  await expect(work).rejects.toThrow('it went wrong')
  await ended
  expect(existsSync(dirname(file))).toBe(false)
})

test('a kubeconfig that cannot be read is told without a word of it', async () => {
  const server = aServer('s1', null, (text) => text.replace('client-key-data', '\u0000'))
  const work = withKubeconfig([server], async () => expect.unreachable())
  await expect(work).rejects.toThrow(/^no server's API could be reached \(s1: \S+ is no kubeconfig\)$/)
})

test('no server answers: said of each, and no work is begun', async () => {
  const work = withKubeconfig([aServer('s1', null), aServer('s2', null)], async () => expect.unreachable())
  await expect(work).rejects.toThrow(KubeUnreachableError)
  await expect(work).rejects.toThrow('s1: Connection refused; s2: Connection refused')
})
