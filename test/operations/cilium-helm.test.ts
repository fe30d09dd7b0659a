import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { TaskContext } from '../../src/engine/model.ts'
import type { KubeApi, KubeObject } from '../../src/kube/api.ts'
import { helm } from '../../src/operations/cilium-helm.ts'
import type { World } from '../../src/operations/world.ts'
import { aServer, shouting } from '../kube/a-server.ts'
import { someInventory } from './some-facts.ts'

/** Writes down how it was called, and talks to the API that it was given, as the real one does. */
const fakeHelm = `#!/bin/bash
cd "$HELM_TEST"
printf '%s\\0' "$@" > argv
cat > stdin
env > env
stat -c %a "$KUBECONFIG" "$(dirname "$KUBECONFIG")" > modes
cp "$KUBECONFIG" kubeconfig
port=$(grep -o '127.0.0.1:[0-9]*' "$KUBECONFIG" | cut -d: -f2)
exec 3<>/dev/tcp/127.0.0.1/$port
printf hello >&3
cat <&3 > answer
[ ! -e slow ] || sleep 60
[ ! -e fail ] || { echo 'Error: UPGRADE FAILED: no space left' >&2; exit 1; }
`

let folder: string
let reached: string[]
beforeEach(({ onTestFailed }) => {
  folder = mkdtempSync(join(tmpdir(), 'fake-helm-'))
  writeFileSync(join(folder, 'helm'), fakeHelm)
  chmodSync(join(folder, 'helm'), 0o755)
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`)
  vi.stubEnv('HELM_TEST', folder)
  // Which of its lines it came to tells why, where it hangs.
  onTestFailed(() => console.error(`helm had written: ${reached.join(', ') || 'nothing'}`))
})
afterEach(() => {
  vi.unstubAllEnvs()
  reached = readdirSync(folder)
  rmSync(folder, { recursive: true })
})

const recorded = (name: string) => readFileSync(join(folder, name), 'utf8')
const argv = () => recorded('argv').split('\0').slice(0, -1)

function task(signal = new AbortController().signal): TaskContext {
  return { runId: 'r', taskId: 't', signal, remainingMs: () => 60_000, say: () => {}, note: async () => {} }
}

function world(port: number, secrets: KubeObject[] = []) {
  const deleted: string[] = []
  const kube: Partial<KubeApi> = {
    list: async (_kind, options) => {
      expect(options?.labelSelector).toBe(
        'owner=helm,name=cilium,status in (pending-install,pending-upgrade,pending-rollback)',
      )
      return secrets
    },
    delete: async (_kind, name) => {
      deleted.push(name)
    },
  }
  const nodes = { names: ['s1'], get: (name: string) => aServer(name, port), close: async () => {} }
  return { world: { inventory: someInventory, nodes, kube } as unknown as World, deleted }
}

const values = 'k8sServiceHost: 127.0.0.1\nsecret: "s3cr3t $(touch pwned) \'"\n'
const repo = { repo: 'https://helm.cilium.io' }

test('installs from a repository: argv, values on stdin, a kubeconfig that leads to the API', async () => {
  await using api = await shouting()
  vi.stubEnv('HELM_KUBECONTEXT', 'production')
  vi.stubEnv('HELM_NAMESPACE', 'other')
  await helm(world(api.port).world).apply({ version: '1.17.6', values, chart: repo }, task())
  expect(argv()).toEqual([
    ...['upgrade', '--install', 'cilium', 'cilium', '--repo', 'https://helm.cilium.io', '--version', '1.17.6'],
    ...['--namespace', 'kube-system', '--values', '-', '--wait=false'],
  ])
  expect(recorded('stdin')).toBe(values)
  expect(recorded('answer')).toBe('HELLO')
  expect(recorded('modes')).toBe('600\n700\n')
  expect(recorded('env')).not.toMatch(/^HELM_(KUBECONTEXT|NAMESPACE)=/m)
  const kubeconfig = /^KUBECONFIG=(.*)$/m.exec(recorded('env'))?.[1] ?? ''
  expect(existsSync(kubeconfig)).toBe(false)
  expect(recorded('argv')).not.toContain('s3cr3t')
})

test('installs from a file, whatever its name', async () => {
  await using api = await shouting()
  const path = "/srv/charts/it's $(touch pwned); cilium.tgz"
  await helm(world(api.port).world).apply({ version: '1.17.6', values, chart: { path } }, task())
  expect(argv().slice(0, 4)).toEqual(['upgrade', '--install', 'cilium', path])
  expect(argv()).not.toContain('--repo')
  expect(existsSync(join(folder, 'pwned'))).toBe(false)
})

test('uninstalls', async () => {
  await using api = await shouting()
  await helm(world(api.port).world).remove(task())
  expect(argv()).toEqual([
    ...['uninstall', 'cilium', '--namespace', 'kube-system', '--ignore-not-found', '--wait=false'],
  ])
})

test('says what helm said when it fails, and with what it was called', async () => {
  await using api = await shouting()
  writeFileSync(join(folder, 'fail'), '')
  await expect(
    helm(world(api.port).world).apply({ version: '1.17.6', values, chart: repo }, task()),
  ).rejects.toMatchObject({
    message: 'helm ended with 1: Error: UPGRADE FAILED: no space left',
    context: { command: expect.stringMatching(/^helm upgrade --install cilium cilium --repo/) },
  })
})

test('lets go of a helm that hangs when the task is given up', async () => {
  await using api = await shouting()
  writeFileSync(join(folder, 'slow'), '')
  const giveUp = new AbortController()
  const installing = helm(world(api.port).world).apply({ version: '1.17.6', values, chart: repo }, task(giveUp.signal))
  await vi.waitUntil(() => existsSync(join(folder, 'answer')), { timeout: 10_000 })
  giveUp.abort(new Error('given up'))
  await expect(installing).rejects.toThrow('given up')
})

test('a release that a killed helm left pending is forgotten first, or helm would refuse for ever', async () => {
  await using api = await shouting()
  const pending = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'sh.helm.release.v1.cilium.v1' } }
  const { world: some, deleted } = world(api.port, [pending])
  await helm(some).apply({ version: '1.17.6', values, chart: repo }, task())
  expect(deleted).toEqual(['sh.helm.release.v1.cilium.v1'])
})
