import { Duplex } from 'node:stream'
import fc from 'fast-check'
import { expect } from 'vitest'
import { stringify } from 'yaml'
import { failureOf, failureText } from '../../src/cli/failure.ts'
import { route } from '../../src/kube/route.ts'
import type { Node } from '../../src/nodes/node.ts'
import { hostile } from './support/cases.ts'
import { hostileText } from './support/hostile-text.ts'
import { mutated, withNesting } from './support/mutations.ts'
import { cameOf } from './support/oracle.ts'

const canary = Buffer.from(
  `-----BEGIN EC PRIVATE KEY-----\n${'canary'.repeat(30)}\n-----END EC PRIVATE KEY-----\n`,
).toString('base64')
const good = {
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'default', cluster: { server: 'https://127.0.0.1:6443', 'certificate-authority-data': 'Y2E=' } }],
  users: [{ name: 'default', user: { 'client-certificate-data': 'Y2VydA==', 'client-key-data': canary } }],
  contexts: [{ name: 'default', context: { cluster: 'default', user: 'default' } }],
  'current-context': 'default',
}

/** A server whose kubeconfig this is; what it is asked to connect to is kept. */
function server(file: Buffer, asked: unknown[]): Node {
  const stdout = `600 0 0 ${file.length}\n${file.toString('base64')}\n`
  return {
    name: 's1',
    run: async () => ({ kind: 'exited', code: 0, stdout, stderr: '', durationMs: 1 }),
    connect: async (...to) => {
      asked.push(to)
      return new Duplex()
    },
    reconnect: () => Promise.resolve(),
  }
}

const text = stringify(good)
const damaged = fc.oneof(
  mutated(good).map((value) => withNesting(stringify(value))),
  fc
    .tuple(fc.nat(text.length), fc.nat(9), hostileText)
    .map(([at, length, put]) => text.slice(0, at) + put + text.slice(at + length)),
  fc.nat(text.length).map((at) => text.slice(0, at)),
)

hostile('kubeconfigs: contents', damaged, async (content) => {
  const asked: unknown[] = []
  const way = route([server(Buffer.from(content), asked)])
  const opened = await cameOf(() => way.open())
  for (const to of asked) expect(to).toEqual(['127.0.0.1', expect.any(Number)])
  if (opened !== null) {
    expect(opened.credentials.port).toBeGreaterThan(0)
    return
  }
  const told = failureText(failureOf(await way.open().catch((error: unknown) => error)))
  for (let at = 0; at + 16 <= canary.length; at += 16) expect(told).not.toContain(canary.slice(at, at + 16))
})
