import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { z } from 'zod'
import { until } from '../../src/lab/host.ts'
import { type Lab, power } from '../../src/lab/lab.ts'
import { quietLab, takeDown } from './support/fresh-lab.ts'
import { onNode } from './support/lab-access.ts'
import { migrate, mustMigrate } from './support/migrate.ts'
import { everyNodeReady } from './support/nodes-ready.ts'

/** What an incident leaves: a node that is off, a pod that was evicted, one without a network, a namespace that does not go. */
const name = 'stuck'
const runbook = ['--runbook', 'stuck-pods']
let lab: Lab
/** The same cluster without the node that is off. */
let without: string[]

const kubectl = (words: string, stdin = '') =>
  onNode(lab, 's1', `k3s kubectl ${words}${stdin === '' ? '' : ` <<'END'\n${stdin}\nEND`}`)
const eventually = (waitingFor: string, timeoutMs: number, check: () => Promise<boolean>) =>
  until({ waitingFor: () => waitingFor, timeoutMs, everyMs: 2_000 }, async () => ((await check()) ? true : undefined))

/** A bare pod on a node, which is taken off a node that is gone as soon as that is known. */
const barePod = (pod: string, node: string) =>
  stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: pod, namespace: 'shop' },
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: 1,
      tolerations: [
        { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 1 },
      ],
      containers: [{ name: 'main', image: 'docker.io/library/nginx:1.27.5-alpine' }],
    },
  })

const planSchema = z.object({
  findings: z.array(z.object({ level: z.string(), detail: z.string() })),
  steps: z.array(
    z.object({
      stepId: z.string(),
      tasks: z.array(z.object({ target: z.string(), rendering: z.object({ notes: z.array(z.string()).default([]) }) })),
    }),
  ),
})
const planned = async () =>
  planSchema.parse(JSON.parse(await mustMigrate(lab, 'plan', '--json', ...runbook, ...without)))
type PlanOf = z.infer<typeof planSchema>
const warnings = ({ findings }: PlanOf) => findings.filter(({ level }) => level === 'warns').map(({ detail }) => detail)
const notesOf = ({ steps }: PlanOf, stepId: string) =>
  steps.find((step) => step.stepId === stepId)?.tasks.flatMap(({ rendering }) => rendering.notes) ?? []

beforeAll(async () => {
  lab = await quietLab({ name, servers: 3, agents: 1 })
  const inventory: { nodes: { name: string }[] } = parse(readFileSync(lab.inventoryFile, 'utf8'))
  const file = `${lab.stateDir}/without-a1.yaml`
  writeFileSync(file, stringify({ ...inventory, nodes: inventory.nodes.filter((node) => node.name !== 'a1') }))
  without = ['-i', file]
})
afterAll(() => takeDown(name))

test('a cluster where nothing hangs: nothing to do', async () => {
  expect(await mustMigrate(lab, 'plan', ...runbook)).toMatch(/Nothing to do/)
})

test('an incident', async () => {
  await kubectl('apply -f -', barePod('left-behind', 'a1'))
  await eventually('left-behind to run', 60_000, async () =>
    (await kubectl('-n shop get pod left-behind')).includes('Running'),
  )
  await power(name, 'a1', 'off')
  await onNode(lab, 's2', 'mv /run/flannel/subnet.env /run/flannel/kept')
  await kubectl('apply -f -', barePod('no-network', 's2'))
  const [evicted] = (await kubectl('-n shop get pods -l app=web --field-selector spec.nodeName!=a1 -o name')).split(
    '\n',
  )
  const status = JSON.stringify({
    status: { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource' },
  })
  await kubectl(`-n shop patch ${evicted?.replace('/', ' ')} --subresource status --type merge -p '${status}'`)
  const held = { name: 'held', namespace: 'old', finalizers: ['gone.example/cleanup'] }
  await kubectl(
    'apply -f -',
    [
      stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'old' } }),
      stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: held, data: { key: 's3cret-of-old' } }),
    ].join('---\n'),
  )
  await kubectl('delete namespace old --wait=false')
  await eventually('left-behind to be taken off', 120_000, async () =>
    (await kubectl('-n shop get pod left-behind -o yaml')).includes('deletionTimestamp'),
  )
})

test('while a node is silent: refused, and said how it is left out', async () => {
  const { code, stderr } = await migrate(lab, ['plan', ...runbook])
  expect(code).toBe(1)
  expect(stderr).toMatch(/a1: no connection/)
  expect(stderr).toMatch(/A node that does not come back/)
})

test('the plan shows of each what holds it', async () => {
  let plan = await planned()
  await eventually('all of it to hang for long enough', 300_000, async () => {
    plan = await planned()
    const left = warnings(plan)
    return (
      ['left-behind', 'no-network'].every((pod) => left.some((one) => one.includes(`shop/${pod} `))) &&
      notesOf(plan, 'stuck-finalizers').length > 0
    )
  })
  const left = warnings(plan)
  expect(left.find((one) => one.includes('left-behind'))).toMatch(
    /bare: nobody makes it anew.*a1 is not in the inventory/,
  )
  expect(left.find((one) => one.includes('no-network'))).toMatch(
    /ContainerCreating since .*no sandbox.*FailedCreatePodSandBox: .*subnet\.env/,
  )
  expect(notesOf(plan, 'stuck-pods')).toEqual([
    expect.stringMatching(/^shop\/web-.*ReplicaSet\/.*Failed: Evicted: The node/),
  ])
  expect(notesOf(plan, 'stuck-bare-pods')).toEqual([])
  expect(notesOf(plan, 'stuck-finalizers')).toEqual(['ConfigMap old/held (v1): gone.example/cleanup'])
  expect(JSON.stringify(plan)).not.toContain('s3cret-of-old')
})

test('what can be freed is; what cannot is left, and told', async () => {
  const said = await mustMigrate(lab, 'run', '--yes', ...runbook, ...without)
  expect(said).toMatch(/shop\/left-behind/)
  expect(await kubectl('get namespaces')).not.toMatch(/^old /m)
  const pods = await kubectl('-n shop get pods')
  expect(pods).not.toMatch(/Evicted|Failed/)
  expect(pods).toMatch(/^left-behind /m)
  expect(pods).toMatch(/^no-network /m)

  const runs = `${lab.stateDir}/.migrate/${name}/runs`
  const run = `${runs}/${readdirSync(runs).sort().at(-1)}`
  expect(readFileSync(`${run}/backups/cluster/objects/configmaps/old/held.json`, 'utf8')).toContain('s3cret-of-old')
  for (const file of ['journal.jsonl', 'plan.json'])
    expect(readFileSync(`${run}/${file}`, 'utf8')).not.toContain('s3cret-of-old')
})

test('with the network mended and the node back, the rest goes by itself', async () => {
  await onNode(lab, 's2', 'mv /run/flannel/kept /run/flannel/subnet.env')
  await power(name, 'a1', 'on')
  await everyNodeReady(lab, 's1')
  await eventually('no-network to run and left-behind to go', 180_000, async () => {
    const pods = await kubectl('-n shop get pods')
    return /^no-network .*Running/m.test(pods) && !pods.includes('left-behind')
  })
  await eventually('nothing to hang', 180_000, async () =>
    (await mustMigrate(lab, 'plan', ...runbook)).includes('Nothing to do'),
  )
})
