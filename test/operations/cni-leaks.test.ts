import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import type { CniFacts } from '../../src/facts/cni.ts'
import type { Sandbox } from '../../src/facts/sandboxes.ts'
import { forgetContainersScript, goneContainers } from '../../src/operations/cni-leaks.ts'

const [gone, alive, foreign] = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [string, string, string]
const filesAt = (...paths: string[]): CniFacts => ({
  files: Object.fromEntries(
    paths.map((path) => [path, { path, type: 'file', sizeBytes: 1, mode: 0o600, text: null, sha256: null }]),
  ),
})
const sandbox = (id: string, ready = true) => ({ id, ready }) as Sandbox

it('a container of flannel whose sandbox is not there any more is gone; others keep what is theirs', () => {
  const files = filesAt(
    `/var/lib/cni/results/cbr0-${gone}-eth0`,
    `/var/lib/cni/flannel/${gone}`,
    `/var/lib/cni/results/cbr0-${alive}-eth0`,
    `/var/lib/cni/results/mynet-${foreign}-eth0`,
    '/var/lib/cni/networks/cbr0/10.42.0.2',
    '/var/lib/cni/networks/cbr0/last_reserved_ip.0',
  )
  expect(goneContainers(files, [sandbox(alive)])).toEqual([gone])
  // The runtime lists one that was stopped for about a minute more (the kubelet's collection of garbage).
  expect(goneContainers(files, [sandbox(alive), sandbox(gone, false)])).toEqual([gone])
  expect(goneContainers(files, null)).toEqual([])
})

let root = ''
afterEach(() => rmSync(root, { recursive: true, force: true }))

it('the script removes results, delegates and leases of those containers, and nothing else', () => {
  root = mkdtempSync(join(tmpdir(), 'cni-'))
  for (const folder of ['results', 'flannel', 'networks/cbr0']) mkdirSync(join(root, folder), { recursive: true })
  const files: Record<string, string> = {
    [`results/cbr0-${gone}-eth0`]: '{}',
    [`results/cbr0-${alive}-eth0`]: '{}',
    [`flannel/${gone}`]: '{}',
    [`flannel/${alive}`]: '{}',
    'networks/cbr0/10.42.0.2': `${gone}\r\neth0`,
    'networks/cbr0/10.42.0.3': `${alive}\r\neth0`,
    // As older releases of host-local wrote them: without a line of its own for the interface.
    'networks/cbr0/10.42.0.4': gone,
    'networks/cbr0/last_reserved_ip.0': '10.42.0.4',
  }
  for (const [path, text] of Object.entries(files)) writeFileSync(join(root, path), text)
  const script = forgetContainersScript.replace('/var/lib/cni', root)
  const { status, stderr } = spawnSync('sh', ['-c', script, 'forget-containers', gone], { encoding: 'utf8' })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(readdirSync(join(root, 'results'))).toEqual([`cbr0-${alive}-eth0`])
  expect(readdirSync(join(root, 'flannel'))).toEqual([alive])
  expect(readdirSync(join(root, 'networks/cbr0'))).toEqual(['10.42.0.3', 'last_reserved_ip.0'])
})
