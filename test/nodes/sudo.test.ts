import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { Command } from '../../src/nodes/node.ts'
import { createRedactor } from '../../src/nodes/redactor.ts'
import { SudoPasswords } from '../../src/nodes/sudo.ts'
import { type FakeSshd, fakeSshd, nodeOn, type TestNode } from './fake-sshd.ts'

/**
 * Behaves as sudo does: reads the password byte by byte from stdin, up to three times, only with -S and only when one is
 * needed; with a ticket it reads nothing unless -k is given. Every attempt is counted.
 */
const sudo = (need: 'password' | 'nopasswd' | 'ticket' | 'forbidden') => `#!/bin/sh
need=${need} S=0 n=0 k=0
while [ "$1" != -- ]; do
  case $1 in -S) S=1 ;; -n) n=1 ;; -k) k=1 ;; -p) shift ;; esac
  shift
done
shift
echo "sudo: unable to resolve host" >&2
[ $need = ticket ] && { [ $k = 1 ] && need=password || need=nopasswd; }
[ $need = forbidden ] && { echo "alice is not allowed to run sudo" >&2; exit 1; }
if [ $need = password ]; then
  [ $n = 1 ] && { echo "sudo: a password is required" >&2; exit 1; }
  [ $S = 1 ] || exit 1
  for try in 1 2 3; do
    IFS= read -r given || { echo "sudo: no password was provided" >&2; exit 1; }
    echo "$given" >> "$ATTEMPTS"
    [ "$given" = "correct horse" ] && break
    [ $try = 3 ] && exit 1
    echo "Sorry, try again." >&2
  done
fi
exec "$@"
`

const servers: FakeSshd[] = []
const nodes: TestNode[] = []
afterEach(async () => {
  for (const node of nodes.splice(0)) node.close()
  for (const server of servers.splice(0)) await server.stop()
})

async function nodeWith(need: Parameters<typeof sudo>[0], answers: string[] = []) {
  const env = { ...process.env }
  const server = await fakeSshd({ env })
  servers.push(server)
  const bin = join(server.folder, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'sudo'), sudo(need))
  chmodSync(join(bin, 'sudo'), 0o755)
  const attempts = join(server.folder, 'attempts')
  writeFileSync(attempts, '')
  Object.assign(env, { PATH: `${bin}:${env.PATH}`, ATTEMPTS: attempts })
  const node = nodeOn(server, { user: 'alice' }, answers)
  nodes.push(node)
  return { node, server, attempts: () => readFileSync(attempts, 'utf8').split('\n').filter(Boolean) }
}

const cat: Command = { argv: ['cat'], mode: 'read', stdin: 'payload\n', timeoutMs: 5_000 }

describe('becoming root', () => {
  test('without a password: nobody is asked, nothing but the payload is on stdin', async () => {
    const { node } = await nodeWith('nopasswd')
    expect(await node.run(cat)).toMatchObject({ stdout: 'payload\n', stderr: '' })
    expect(node.asked).toEqual([])
  })

  test('with a password: asked once, and never part of the input, an argument or an output', async () => {
    const { node, server } = await nodeWith('password', ['correct horse'])
    for (let i = 0; i < 3; i++) expect(await node.run(cat)).toMatchObject({ stdout: 'payload\n', stderr: '' })
    expect(node.asked).toHaveLength(1)
    expect(server.seen.join('\n')).not.toContain('correct horse')
  })

  test('rights that come without a password later: the password is not given to the command', async () => {
    const { node, server } = await nodeWith('password', ['correct horse'])
    await node.run(cat)
    writeFileSync(join(server.folder, 'bin/sudo'), sudo('nopasswd'))
    expect(await node.run(cat)).toMatchObject({ stdout: 'payload\n' })
  })

  test('a cached ticket makes no difference', async () => {
    const { node } = await nodeWith('ticket')
    expect(await node.run(cat)).toMatchObject({ stdout: 'payload\n' })
  })

  test('a wrong password costs one attempt, and is asked for again', async () => {
    const { node, attempts } = await nodeWith('password', ['wrong', 'correct horse'])
    expect(await node.run(cat)).toMatchObject({ stdout: 'payload\n' })
    expect(attempts().slice(0, 2)).toEqual(['wrong', 'correct horse'])
    expect(node.asked[1]).toMatch(/That was wrong on n1/)
  })

  test('three wrong ones are an error; the command did not run', async () => {
    const { node, attempts } = await nodeWith('password', ['a', 'b', 'c', 'd'])
    await expect(node.run(cat)).rejects.toThrow(/sudo refused 3 passwords of alice/)
    expect(attempts()).toEqual(['a', 'b', 'c'])
  })

  test('a user who may not: what sudo said', async () => {
    const { node } = await nodeWith('forbidden')
    await expect(node.run(cat)).rejects.toThrow(/alice cannot become root: .*not allowed to run sudo/s)
  })
})

describe('passwords of a run', () => {
  const passwords = (answers: string[]) => {
    const asked: string[] = []
    const secrets = {
      async ask(prompt: string) {
        asked.push(prompt)
        return answers.shift() ?? ''
      },
    }
    return { asked, book: new SudoPasswords(secrets, createRedactor()) }
  }

  test('many nodes at once, one user: asked once; wrong: once more', async () => {
    const { asked, book } = passwords(['wrong', 'right'])
    const check = async (password: string) => password === 'right'
    const all = await Promise.all(['n1', 'n2', 'n3'].map((node) => book.obtain('alice', node, check)))
    expect(all).toEqual(['right', 'right', 'right'])
    expect(asked).toHaveLength(2)
  })

  test('right on one node and wrong on another is told with both names', async () => {
    const { book } = passwords(['right'])
    await book.obtain('alice', 'n1', async () => true)
    await expect(book.obtain('alice', 'n2', async () => false)).rejects.toThrow(/n2: .* alice that n1 accepted/)
  })
})
