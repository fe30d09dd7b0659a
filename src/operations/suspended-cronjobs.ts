import { z } from 'zod'
import { FailedError, InputError } from '../errors.ts'
import { suspendedAnnotation, suspendedByTest } from '../facts/kube.ts'
import type { KubeApi } from '../kube/api.ts'
import type { Node } from '../nodes/node.ts'
import { mustRun, script } from '../nodes/run.ts'
import { unitArguments } from '../nodes/transient.ts'

/** `namespace/name` of a CronJob. Fit for an argument: nothing in it means anything to a shell or to kubectl. */
const nameSchema = z.string().regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?\/[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/)

const kind = { apiVersion: 'batch/v1', kind: 'CronJob' } as const
const timeoutMs = 20_000

const cronJobSchema = z.object({
  metadata: z.object({
    namespace: z.string(),
    name: z.string(),
    annotations: z.record(z.string(), z.string()).nullish(),
  }),
  spec: z.object({ suspend: z.boolean().nullish() }),
})
type CronJob = z.infer<typeof cronJobSchema>

const title = ({ metadata: { namespace, name } }: CronJob) => `${namespace}/${name}`
const isOfTest = ({ metadata }: CronJob) => metadata.annotations?.[suspendedAnnotation] === suspendedByTest

async function list(kube: KubeApi): Promise<CronJob[]> {
  return (await kube.list(kind)).map((object) => cronJobSchema.parse(object))
}

function split(job: string): [namespace: string, name: string] {
  const [namespace = '', name = ''] = nameSchema.parse(job).split('/')
  return [namespace, name]
}

/** CronJobs that a controlled test suspended and nobody has resumed: `namespace/name`, sorted. */
export async function suspendedByTests(kube: KubeApi): Promise<string[]> {
  return (await list(kube)).filter(isOfTest).map(title).sort()
}

/**
 * The CronJobs of a test, all there and none suspended by somebody else.
 * @throws InputError naming those that are not, before anything is changed
 */
export async function checkCronJobs(kube: KubeApi, wanted: readonly string[]): Promise<void> {
  const there = new Map((await list(kube)).map((job) => [title(job), job]))
  const wrong = wanted.flatMap((name) => {
    if (!nameSchema.safeParse(name).success) return [`"${name}" is not namespace/name`]
    const job = there.get(name)
    if (job === undefined) return [`there is no CronJob ${name}`]
    return job.spec.suspend === true ? [`${name} is suspended already, and was not by this test`] : []
  })
  if (wrong.length > 0)
    throw new InputError(wrong.join('; '), { next: `CronJobs here: ${[...there.keys()].sort().join(', ') || 'none'}` })
}

/** Annotation and suspension go in one request: nothing is ever suspended without being marked as the test's. */
export async function suspendCronJobs(kube: KubeApi, wanted: readonly string[]): Promise<void> {
  for (const job of wanted) {
    const [namespace, name] = split(job)
    await kube.patch(kind, name, namespace, {
      metadata: { annotations: { [suspendedAnnotation]: suspendedByTest } },
      spec: { suspend: true },
    })
  }
}

/** Resumes exactly what tests have suspended. Can be done again. @returns their names */
export async function resumeCronJobs(kube: KubeApi): Promise<string[]> {
  const left = await suspendedByTests(kube)
  for (const job of left) {
    const [namespace, name] = split(job)
    await kube.patch(kind, name, namespace, {
      metadata: { annotations: { [suspendedAnnotation]: null } },
      spec: { suspend: false },
    })
  }
  const still = await suspendedByTests(kube)
  if (still.length > 0) throw new FailedError(`still suspended by the controlled test: ${still.join(', ')}`)
  return left
}

const jobSchema = z.object({
  metadata: z.object({
    namespace: z.string(),
    name: z.string(),
    ownerReferences: z.array(z.object({ kind: z.string(), name: z.string() })).nullish(),
  }),
  status: z.object({ active: z.number().nullish() }).nullish(),
})

/** Jobs that these CronJobs began before they were suspended and that still have pods: `namespace/name`. */
export async function jobsUnderWay(kube: KubeApi, cronJobs: readonly string[]): Promise<string[]> {
  const jobs = (await kube.list({ apiVersion: 'batch/v1', kind: 'Job' })).map((object) => jobSchema.parse(object))
  return jobs
    .filter(({ status }) => (status?.active ?? 0) > 0)
    .filter(({ metadata: { namespace, ownerReferences } }) =>
      ownerReferences?.some((owner) => owner.kind === 'CronJob' && cronJobs.includes(`${namespace}/${owner.name}`)),
    )
    .map(({ metadata: { namespace, name } }) => `${namespace}/${name}`)
    .sort()
}

const unit = 'cni-migrate-resume-cronjobs'

/** RFC 6902: resumed only if it is still marked as a test's, and in one request. */
const resumePatch = JSON.stringify([
  { op: 'test', path: `/metadata/annotations/${suspendedAnnotation.replace('/', '~1')}`, value: suspendedByTest },
  { op: 'remove', path: `/metadata/annotations/${suspendedAnnotation.replace('/', '~1')}` },
  { op: 'add', path: '/spec/suspend', value: false },
])

// What is not marked (any more), and what is gone, needs nothing; an API that does not answer is asked again for ten minutes.
const resumeScript = `patch=$1
shift
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  left=no
  for job; do
    said=$(k3s kubectl -n "\${job%%/*}" patch cronjob "\${job#*/}" --type json -p "$patch" 2>&1) && continue
    case $said in *"rejected our request"* | *"not found"* | *NotFound*) ;; *) left=yes ;; esac
  done
  [ "$left" = yes ] || exit 0
  sleep 30
done
exit 1`

const armScript = `set -eu
unit=$1 seconds=$2
shift 2
systemctl stop "$unit.timer" 2>/dev/null || :
systemctl reset-failed "$unit.service" "$unit.timer" 2>/dev/null || :
exec systemd-run --quiet --collect --unit="$unit" --on-active="$seconds" --timer-property=AccuracySec=1s \\
  --property=RuntimeMaxSec=900 -- /bin/sh -c "$@"`

/**
 * Has a server resume the CronJobs by itself after a time, unless it is disarmed: the operator's machine may be gone by
 * then. The server's own `k3s kubectl` does it, so no credential goes anywhere.
 */
export async function armResume(server: Node, jobs: readonly string[], afterMs: number): Promise<void> {
  const names = jobs.map((job) => nameSchema.parse(job))
  const args = unitArguments([resumeScript, 'resume-cronjobs', resumePatch, ...names])
  const command = script('arm-resume', armScript, [unit, String(Math.ceil(afterMs / 1000)), ...args])
  await mustRun(server, { ...command, mode: 'write', timeoutMs })
}

const disarmScript = `systemctl stop "$1.timer" 2>/dev/null
systemctl reset-failed "$1.service" "$1.timer" 2>/dev/null
[ "$(systemctl show -p ActiveState --value "$1.timer")" = inactive ]`

/** Nothing is left on the server. Can be done again. */
export async function disarmResume(server: Node): Promise<void> {
  await mustRun(server, { ...script('disarm-resume', disarmScript, [unit]), mode: 'write', timeoutMs })
}
