import { expect, test } from 'vitest'
import type { KubeObject } from '../../src/kube/api.ts'
import { type Base, planNow } from '../../src/simulator/base.ts'
import { prepareScenario, scenarios } from '../../src/simulator/campaign.ts'
import { differences, endStateOf } from '../../src/simulator/end-state.ts'
import { play, unaltered } from '../../src/simulator/play.ts'
import type { Simulation } from '../../src/simulator/simulation.ts'
import { expectKilledAnywhere } from './killed-anywhere.ts'

const before = '2026-01-01T10:00:00Z'
const finalizers = ['gone.example/cleanup']

const pod = (name: string, metadata: object, phase: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    ...{ name, namespace: 'shop', uid: `uid-of-${name}`, creationTimestamp: before },
    ...{ ownerReferences: [{ kind: 'ReplicaSet', name: 'web' }] },
    ...metadata,
  } as KubeObject['metadata'],
  spec: { nodeName: 's2', containers: [] },
  status: { phase, reason: 'Evicted' },
})

/** What an incident left, among the pods that run. */
const planted: KubeObject[] = [
  pod('evicted', {}, 'Failed'),
  pod('bare', { ownerReferences: [] }, 'Failed'),
  pod('held', { deletionTimestamp: before, deletionGracePeriodSeconds: 30, finalizers }, 'Running'),
  {
    ...{ apiVersion: 'v1', kind: 'Namespace', spec: { finalizers: ['kubernetes'] } },
    metadata: { name: 'old', uid: 'uid-of-old', deletionTimestamp: before },
  },
  {
    ...{ apiVersion: 'v1', kind: 'ConfigMap', data: { key: 's3cret-of-old' } },
    metadata: { name: 'left', namespace: 'old', uid: 'uid-of-left', deletionTimestamp: before, finalizers },
  },
]

interface Hanging {
  simulation: Simulation
  base: Base
}

async function hanging(): Promise<Hanging> {
  const [scenario] = scenarios
  if (scenario === undefined) throw new Error('no such scenario')
  const { base } = await prepareScenario(scenario)
  const simulation = base.simulation.fork()
  for (const object of planted) {
    const { name, namespace = '' } = object.metadata
    simulation.state.objects[`${object.kind} ${namespace}/${name}`] = object
  }
  const planned = await planNow(simulation, base.run.inventory, 'stuck-pods', {})
  return { simulation, base: { ...base, simulation, run: { ...base.run, ...planned, runId: 'stuck' } } }
}

const left = ({ state }: Simulation) =>
  planted.filter(({ metadata: { uid } }) => Object.values(state.objects).some((one) => one.metadata.uid === uid))

test('what was planted goes, and nothing else', async () => {
  const { simulation, base } = await hanging()
  const origin = endStateOf(simulation.state)
  expect(base.run.plan.findings.filter(({ level }) => level !== 'fine')).toEqual([])
  expect(await play(simulation, base, 'forward', 'stop', unaltered)).toBe('finished')
  expect(left(simulation)).toEqual([])
  const gone = differences(origin, endStateOf(simulation.state))
  expect(gone.filter((line) => !planted.some(({ metadata }) => line.includes(metadata.name)))).toEqual([])
  expect(JSON.stringify(base.run)).not.toContain('s3cret-of-old')
  const again = await planNow(simulation, base.run.inventory, 'stuck-pods', {})
  expect(again.plan.steps).toEqual([])
})

test('killed anywhere and resumed at once, nothing of what is done being drift: the same end', async () => {
  const { simulation, base } = await hanging()
  await expectKilledAnywhere(simulation, base, { tries: ['stop'] })
})
