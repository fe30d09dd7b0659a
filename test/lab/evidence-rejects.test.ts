import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { until } from '../../src/lab/host.ts'
import { down, type Lab, list, up } from '../../src/lab/lab.ts'
import { churnSchema, nodeSignalsSchema, podNetworkSchema, rejectSamplesSchema } from '../../src/probes/evidence.ts'
import { onNode } from './support/lab-access.ts'

const name = 'ev-rejects'
/** Long enough for the CronJobs of a minute. */
const seconds = 75

const seenSchema = z.object({
  pod: z.string(),
  started: z.number(),
  ended: z.number(),
  rejects: rejectSamplesSchema,
  churn: z.object({ churn: z.array(churnSchema), problem: z.string().nullable() }),
  signals: nodeSignalsSchema,
  networks: z.object({ networks: z.array(podNetworkSchema), problem: z.string().nullable() }),
})

let lab: Lab
let seen: z.infer<typeof seenSchema>
let left: string

beforeAll(async () => {
  if (list().some((one) => one.name === name)) await down(name)
  // Its nodes have the fault `reject-gap`, and a pod that opens connections all the time.
  lab = await up({ name, servers: 1, agents: 1, scenario: 'reject-gap' })
  const program = join(import.meta.dirname, 'support/watch-evidence.ts')
  const argv = [
    process.execPath,
    program,
    lab.inventoryFile,
    String(seconds),
    's1',
    'automation',
    'homeassistant',
  ] as const
  const seenFile = join(lab.stateDir, 'seen')
  writeFileSync(seenFile, '')
  const watching = lab.run([...argv, seenFile])
  /** Since that line, or since the beginning. */
  const seenSince = (line: RegExp) => {
    const lines = readFileSync(seenFile, 'utf8').trimEnd().split('\n')
    return lines.slice(lines.findIndex((one) => line.test(one)) + 1)
  }
  const reconciles = (lines: readonly string[]) => lines.filter((line) => line.startsWith('reconciles '))
  const wait = (what: string, isSo: () => boolean) =>
    until({ waitingFor: () => what, timeoutMs: seconds * 1_000, everyMs: 200 }, async () => isSo() || undefined)
  // Something of ours among the churn, so that a sync is certain.
  const policy = JSON.stringify({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'planted', namespace: 'infra' },
    spec: { podSelector: { matchLabels: { app: 'nobody' } }, policyTypes: ['Ingress'] },
  })
  await wait('two samples of the rules', () => reconciles(seenSince(/^$/)).length >= 2)
  await onNode(lab, 's1', `echo '${policy}' | k3s kubectl apply -f -`)
  await wait('a sync after the policy was seen', () => {
    if (!seenSince(/^$/).includes('added NetworkPolicy planted')) return false
    return new Set(reconciles(seenSince(/^added NetworkPolicy planted$/))).size >= 2
  })
  await onNode(lab, 's1', 'k3s kubectl -n infra delete networkpolicy planted')
  const { code, stdout, stderr } = await watching
  if (code !== 0) throw new Error(`ended with ${code}: ${stderr}`)
  seen = seenSchema.parse(JSON.parse(stdout))
  left = await onNode(
    lab,
    's1',
    'ps -eo args; ls -A /run | grep cni-migrate; ls -d /var/lib/cni-migrate 2>/dev/null; true',
  )
})
afterAll(() => down(name))

test('rejects of the pod are counted, and stand beside the reconciles', () => {
  const { rejects, pod } = seen
  expect(rejects.problem).toBeNull()
  expect(rejects.samplesMs.length).toBeGreaterThan(seconds / 3)
  expect(rejects.reconcilesMs.length).toBeGreaterThanOrEqual(2)
  const own = rejects.rejects.find((one) => one.namespace === 'automation' && one.pod === pod)
  expect(own?.increments.reduce((sum, [, count]) => sum + count, 0)).toBeGreaterThan(0)
  // Each burst is that of a sync: it was seen within a gap's length and two samples of one.
  const alone = own?.increments.filter(([atMs]) => !rejects.reconcilesMs.some((at) => Math.abs(atMs - at) < 6_000))
  expect(alone).toEqual([])
  expect(rejects.gaps.some((gap) => gap.pod === pod && gap.what === 'policy-chain-empty')).toBe(true)
  expect(rejects.cpuShare).toBeLessThan(0.02)
})

test('churn: the planted policy came and went, a pod of a CronJob too, and syncs followed', () => {
  const { churn, problem } = seen.churn
  expect(problem).toBeNull()
  const planted = churn.filter((one) => one.kind === 'NetworkPolicy' && one.name === 'planted')
  expect(planted.map(({ verb }) => verb)).toEqual(['added', 'deleted'])
  for (const { atMs } of planted)
    expect(seen.rejects.reconcilesMs.some((at) => at > atMs - 1_500 && at < atMs + 8_000)).toBe(true)
  const ofCronJobs = churn.filter((one) => one.kind === 'Pod' && one.owner?.startsWith('CronJob/'))
  expect(new Set(ofCronJobs.map(({ verb }) => verb))).toContain('added')
  expect(churn.every(({ atMs }) => atMs >= seen.started && atMs <= seen.ended)).toBe(true)
})

test('signals of the node', () => {
  const { signals } = seen
  expect(signals.problems).toEqual([])
  expect(signals.kubeProxy?.mode).toBe('iptables')
  expect(signals.kubeProxy?.pendingChanges.length).toBeGreaterThan(3)
  expect(signals.iptables).toContainEqual({ where: 'host', version: expect.stringMatching(/^1\.8/), backend: 'nft' })
  expect(signals.ruleCounts['ip-nft filter']).toBeGreaterThan(100)
  expect(signals.ruleCounts['ip-nft nat']).toBeGreaterThan(5)
  expect(signals.malformedRules).toEqual([])
  expect(signals.xtablesLock?.messages).toBeGreaterThanOrEqual(0)
  expect(signals.conntrack?.max).toBeGreaterThan(0)
  expect(signals.stuckSandboxes).toEqual([])
})

test("the pod's network is as it should be", () => {
  const { networks, problem } = seen.networks
  expect(problem).toBeNull()
  const [network] = networks
  expect(network?.pod).toBe(seen.pod)
  expect(network?.routes[0]?.unicast).toBe(network?.routes[0]?.asked)
  expect(network?.foreignRules).toEqual([])
  expect(network?.netfilterTables).toEqual([])
})

test('nothing of it stays on the node', () => {
  expect(left).not.toMatch(/reject-sampler|pod-network|kube-proxy-metrics|node-signals|cni-migrate/)
})
