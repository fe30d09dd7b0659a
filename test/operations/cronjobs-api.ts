import { suspendedAnnotation } from '../../src/facts/kube.ts'
import type { KindRef, KubeApi, KubeObject } from '../../src/kube/api.ts'

interface CronJob {
  suspend: boolean
  annotations: Record<string, string>
}

/** CronJobs by `namespace/name`, and the Jobs that are under way, behind as much of the API as a controlled test uses. */
export class CronJobsApi {
  jobs = new Map<string, CronJob>([
    ['infra/often', { suspend: false, annotations: {} }],
    ['infra/seldom', { suspend: false, annotations: { note: 'kept' } }],
    ['infra/asleep', { suspend: true, annotations: {} }],
    ['infra/of-a-run', { suspend: true, annotations: { [suspendedAnnotation]: 'true' } }],
  ])
  underWay: KubeObject[] = []
  patches = 0
  /** After so many patches nothing answers. */
  dies = Number.POSITIVE_INFINITY

  readonly kube = {
    list: async ({ kind }: KindRef) => (kind === 'Job' ? this.underWay : this.cronJobs()),
    patch: async (_kind: KindRef, name: string, namespace: string, patch: object) =>
      this.patch(`${namespace}/${name}`, patch),
  } as unknown as KubeApi

  running(): string[] {
    return [...this.jobs].filter(([, { suspend }]) => !suspend).map(([title]) => title)
  }

  private cronJobs(): KubeObject[] {
    return [...this.jobs].map(([title, { suspend, annotations }]): KubeObject => {
      const [namespace = '', name = ''] = title.split('/')
      return { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { namespace, name, annotations }, spec: { suspend } }
    })
  }

  private patch(title: string, patch: object): void {
    if (this.patches++ >= this.dies) throw new Error('connection refused')
    const { metadata, spec } = patch as {
      metadata: { annotations: Record<string, string | null> }
      spec: { suspend: boolean }
    }
    const job = this.jobs.get(title)
    if (!job) throw new Error('not found')
    job.suspend = spec.suspend
    for (const [key, value] of Object.entries(metadata.annotations))
      if (value === null) delete job.annotations[key]
      else job.annotations[key] = value
  }
}

/** A Job of a CronJob; `active`: so many pods of it run. */
export const aJob = (namespace: string, name: string, owner: string, active?: number): KubeObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { namespace, name, ...{ ownerReferences: [{ kind: 'CronJob', name: owner }] } },
  status: active === undefined ? {} : { active },
})
