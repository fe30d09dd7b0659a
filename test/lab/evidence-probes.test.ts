import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { InputError } from '../../src/errors.ts'
import { down, type Lab, up } from '../../src/lab/lab.ts'
import { openBaselines, readBaseline } from '../../src/probes/baselines.ts'
import type { Evidence, Series } from '../../src/probes/evidence.ts'
import { onNode } from './support/lab-access.ts'
import { mustMigrate } from './support/migrate.ts'
import { quietCronJob } from './support/workload.ts'

const name = 'ev-prober'
let lab: Lab
let scratch: string
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'evidence-'))
  lab = await up({ name })
  // A pod that has just come may be refused by kube-router until its next sync: that is another test's.
  await quietCronJob(lab)
})
afterAll(async () => {
  await down(name)
  rmSync(scratch, { recursive: true })
})

/** What a watch could leave on the nodes: units, folders, processes. */
async function traces(): Promise<string[]> {
  const script = `systemctl list-units --all --plain --no-legend 'cni-migrate-evidence*' | cut -d' ' -f1
    ls -d /var/lib/cni-migrate/evidence* /run/cni-migrate* 2>/dev/null
    pgrep -f connect-prob[e]; :`
  const found = await Promise.all(lab.nodes.map(async (node) => (await onNode(lab, node.name, script)).split('\n')))
  return found.flat().filter((line) => line !== '')
}

const said = z.object({ kind: z.literal('baseline'), file: z.string(), endedEarly: z.boolean() })
const outcomes = ({ attempts }: Series) => new Set(attempts.map(([, , outcome]) => outcome))
const baseline = (file: string) => readBaseline(file, { cluster: name })

/** Starts `migrate baseline` and sends it a signal as soon as it probes; what it said. */
async function signalled(signal: 'SIGINT' | 'SIGKILL') {
  const pidFile = join(scratch, signal)
  const script = 'echo $$ > "$0"; exec migrate baseline --json --duration 5m'
  const env = { MIGRATE_INVENTORY: lab.inventoryFile }
  const running = lab.run(['sh', '-c', script, pidFile], { env })
  const results = 'cat /var/lib/cni-migrate/evidence*/probe/results 2>/dev/null | wc -l'
  await expect
    .poll(async () => Number(await onNode(lab, lab.nodes[0]?.name ?? '', results)), { timeout: 60_000, interval: 500 })
    .toBeGreaterThan(20)
  process.kill(Number(readFileSync(pidFile, 'utf8')), signal)
  return running
}

describe('a baseline of a healthy cluster', () => {
  let file: string
  let evidence: Evidence
  beforeAll(async () => {
    const output = said.parse(JSON.parse(await mustMigrate(lab, 'baseline', '--json', '--duration', '20s')))
    expect(output.endedEarly).toBe(false)
    file = output.file
    evidence = await baseline(file)
  })

  test('every sort of pair is there; each is tried twice a second, denied ones less often', () => {
    const sorts = new Set(evidence.series.map(({ sort }) => sort))
    for (const sort of ['same-node', 'cross-node', 'service', 'node', 'host-port', 'dns', 'api'] as const)
      expect(sorts).toContain(sort)
    expect(evidence.series.length).toBeGreaterThan(40)
    expect(evidence.series.length).toBeLessThanOrEqual(70)
    for (const one of evidence.series) expect(one.attempts.length).toBeGreaterThan(one.allowed === false ? 2 : 25)
    expect(evidence.untilMs - evidence.fromMs).toBeGreaterThanOrEqual(20_000)
    expect(new Set(evidence.series.map(({ from }) => from)).size).toBeGreaterThan(10)
  })

  test('what policies allow works, every time; what they deny never does', () => {
    const broken = evidence.series.filter((one) => one.allowed !== false && [...outcomes(one)].join() !== 'ok')
    expect(broken.map(({ id, attempts }) => [id, attempts.filter(([, , outcome]) => outcome !== 'ok')])).toEqual([])
    const open = evidence.series.filter((one) => one.allowed === false && outcomes(one).has('ok'))
    expect(open.map(({ id }) => id)).toEqual([])
    expect(evidence.series.filter(({ allowed }) => allowed === false).length).toBeGreaterThan(5)
  })

  test('both ends selected and not, by policies that are there', () => {
    const ways = new Set(evidence.series.map((one) => `${one.fromSelected} ${one.toSelected}`))
    expect(ways.size).toBe(4)
  })

  test('an answer over HTTP has its first byte, and the far end has seen the pod itself', () => {
    const http = evidence.series.filter(({ kind, allowed }) => kind === 'http' && allowed)
    expect(http.length).toBeGreaterThan(10)
    for (const one of http) for (const [, , , firstByteMs] of one.attempts) expect(firstByteMs).not.toBeNull()
    const addresses = new Map(evidence.facts.kube.pods.map((pod) => [`${pod.namespace}/${pod.name}`, pod.ip]))
    const between = evidence.series.filter(
      ({ sort, kind, allowed }) => sort === 'cross-node' && kind === 'http' && allowed,
    )
    for (const one of between) expect(one.sourceSeen).toBe(addresses.get(one.from))
  })

  test('the rest is there too: rejects of denied pairs only, signals of every node, nothing left unsaid', () => {
    expect(evidence.rejects.map(({ node }) => node).sort()).toEqual(lab.nodes.map((node) => node.name).sort())
    const denied = new Set(
      evidence.series.filter(({ allowed }) => allowed === false).flatMap(({ from, to }) => [from, to]),
    )
    const pods = evidence.rejects.flatMap(({ rejects }) => rejects.map(({ namespace, pod }) => `${namespace}/${pod}`))
    expect(pods.filter((pod) => !denied.has(pod))).toEqual([])
    expect(Object.keys(evidence.signals).sort()).toEqual(lab.nodes.map((node) => node.name).sort())
  })

  test('it is a file of 0600, of this cluster, and is not overwritten', async () => {
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const before = readFileSync(file)
    const stateDir = dirname(dirname(dirname(file)))
    await expect(openBaselines(stateDir, name).save(evidence, 'baseline')).rejects.toThrow(InputError)
    expect(readFileSync(file)).toEqual(before)
    expect(await openBaselines(stateDir, name).newest()).toBe(file)
  })

  test('nothing is left on the nodes', async () => {
    expect(await traces()).toEqual([])
  })
})

test('Ctrl-C keeps what was seen, and says so; nothing is left on the nodes', async () => {
  const { code, stdout } = await signalled('SIGINT')
  expect(code).toBe(0)
  const output = said.parse(JSON.parse(stdout))
  expect(output.endedEarly).toBe(true)
  expect((await baseline(output.file)).series.flatMap(({ attempts }) => attempts).length).toBeGreaterThan(20)
  expect(await traces()).toEqual([])
})

test('killed: its units go on alone, and the next one takes them away', async () => {
  const { code } = await signalled('SIGKILL')
  expect(code).toBe(137)
  expect((await traces()).length).toBeGreaterThan(0)
  await mustMigrate(lab, 'diagnose', '--duration', '5s')
  expect(await traces()).toEqual([])
})
