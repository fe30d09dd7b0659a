import type { Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { suspendedAnnotation } from '../facts/kube.ts'
import type { KindRef } from '../kube/api.ts'
import type { World } from './world.ts'

interface QuietItem {
  kind: string
  apiVersion: string
  namespace: string
  name: string
}
interface QuietChange {
  suspend: boolean
  items: QuietItem[]
}

const cronJob = { kind: 'CronJob', apiVersion: 'batch/v1' }

/** What can be suspended: CronJobs churn pods, Flux would put back what is being changed. */
const everything = (facts: Facts) => [
  ...facts.kube.cronJobs.map((item) => ({ ...cronJob, ...item })),
  ...facts.kube.flux,
]

const bare = ({ kind, apiVersion, namespace, name }: QuietItem): QuietItem => ({ kind, apiVersion, namespace, name })
const title = (item: QuietItem) => `${item.kind} ${item.namespace}/${item.name}`

async function set(world: World, items: readonly QuietItem[], suspend: boolean): Promise<void> {
  for (const item of items) {
    const kind: KindRef = { apiVersion: item.apiVersion, kind: item.kind }
    if (!(await world.kube.get(kind, item.name, item.namespace))) continue
    // The annotation and the suspension go in one request: nothing is ever suspended without being marked as ours.
    await world.kube.patch(kind, item.name, item.namespace, {
      metadata: { annotations: { [suspendedAnnotation]: suspend ? 'true' : null } },
      spec: { suspend },
    })
  }
}

function predict(facts: Facts, change: QuietChange): Facts {
  const touched = new Set(change.items.map(title))
  const next = <T extends { suspended: boolean; ours: boolean }>(item: T): T => ({
    ...item,
    suspended: change.suspend,
    ours: change.suspend,
  })
  return {
    ...facts,
    kube: {
      ...facts.kube,
      cronJobs: facts.kube.cronJobs.map((item) => (touched.has(title({ ...cronJob, ...item })) ? next(item) : item)),
      flux: facts.kube.flux.map((item) => (touched.has(title(item)) ? next(item) : item)),
    },
  }
}

/** CronJobs and Flux suspended and marked (`suspend`), or exactly the marked ones resumed. */
export const quiet: Operation<Facts, World, { suspend: boolean }, QuietChange> = {
  name: 'kube.quiet',
  reads: ['kube'],
  diff(facts, _target, { suspend }) {
    const items = everything(facts)
      .filter((item) => (suspend ? !item.suspended : item.ours))
      .map(bare)
    return items.length === 0 ? null : { suspend, items }
  },
  predict: (facts, _target, change) => predict(facts, change),
  fingerprint: (change) => ({ suspend: change.suspend, items: change.items.map(title).sort() }),
  render: (change) => ({
    summary: `${change.suspend ? 'suspend' : 'resume'} ${change.items.length} ${change.items.length === 1 ? 'object' : 'objects'}`,
    notes: change.items.map(title),
  }),
  apply: (world, _target, change) => set(world, change.items, change.suspend),
  async verify(world, _target, change) {
    const facts = await world.look(['kube'])
    if (!facts.kube.reachable)
      throw new FailedError(`the Kubernetes API does not answer: ${facts.kube.error ?? 'no reason given'}`)
    const left = quiet.diff(facts, 'cluster', { suspend: change.suspend })
    const mine = new Set(change.items.map(title))
    const missing = left?.items.filter((item) => mine.has(title(item))) ?? []
    if (missing.length > 0)
      throw new FailedError(`still not ${change.suspend ? 'suspended' : 'resumed'}: ${missing.map(title).join(', ')}`)
  },
  undo: {
    how: 'resume exactly what was suspended, and the other way round',
    run: (world, _target, change) => set(world, change.items, !change.suspend),
  },
}
