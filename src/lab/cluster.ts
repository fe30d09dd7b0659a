import { z } from 'zod'
import { FailedError } from '../errors.ts'
import { until } from './host.ts'
import { imagesOf } from './images.ts'
import type { PlannedNode } from './layout.ts'
import { execIn } from './node.ts'
import { type Manifest, toYaml } from './scenarios/manifests.ts'
import type { Scenario, Workload } from './scenarios/scenario.ts'

/** What starting a cluster needs to know of the lab. */
interface Cluster {
  lab: string
  nodes: readonly PlannedNode[]
  /** true for a real K3s. */
  real: boolean
  say: (line: string) => void
}

const list = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item) })
const condition = z.object({ type: z.string(), status: z.string() })
const nodeObject = z.object({
  metadata: z.object({ name: z.string() }),
  status: z.object({ conditions: z.array(condition).default([]) }).default({ conditions: [] }),
})
const podObject = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  status: z.object({ phase: z.string().default('Pending'), conditions: z.array(condition).default([]) }),
})

/** Starts K3s as install.sh does, first server first, and waits until every node is Ready. */
export async function startCluster(cluster: Cluster): Promise<void> {
  const { lab, nodes, say } = cluster
  const [first, ...others] = nodes.filter((node) => node.role === 'server')
  if (first === undefined) throw new FailedError('a cluster needs a server')
  say(`starting K3s on ${first.name}`)
  await start(lab, first)
  await active(lab, first)
  const agents = nodes.filter((node) => node.role === 'agent')
  if (others.length > 0) say(`starting K3s on ${others.map((node) => node.name).join(', ')}`)
  await Promise.all(others.map((node) => start(lab, node)))
  await Promise.all(others.map((node) => active(lab, node)))
  if (agents.length > 0) say(`starting K3s on ${agents.map((node) => node.name).join(', ')}`)
  await Promise.all(agents.map((node) => start(lab, node)))

  const timeoutMs = 180_000
  say(`waiting for every node to be Ready (${timeoutMs / 1000} s at most)`)
  let missing = nodes.map((node) => node.name)
  await until(
    {
      waitingFor: () => `${missing.join(', ')} to be Ready (journalctl -u k3s on the node says more)`,
      timeoutMs,
      everyMs: 250,
    },
    async () => {
      const found = await get(lab, first.name, list(nodeObject), ['nodes'])
      const ready = new Set(found?.items.filter((node) => isTrue(node, 'Ready')).map((node) => node.metadata.name))
      missing = nodes.map((node) => node.name).filter((name) => !ready.has(name))
      return missing.length === 0 ? true : undefined
    },
  )
}

/**
 * Applies the scenario's workload and waits until every pod of it is running and ready, or has ended well; then applies what
 * the cluster is to suffer from.
 */
export async function applyWorkload(cluster: Cluster, scenario: Scenario): Promise<void> {
  const { lab, nodes, real, say } = cluster
  const server = nodes[0]?.name ?? ''
  const names = nodes.map((node) => node.name)
  const workload = scenario.workload(names, imagesOf(real ? await realImages(lab, server) : undefined))
  say(`applying the workload: ${summary(workload)}`)
  await apply(lab, server, workload.objects)
  await podsReady(cluster, workload.pods)
  if (workload.trouble !== undefined) await apply(lab, server, workload.trouble)
}

function summary({ objects, trouble = [], pods }: Workload): string {
  const count = (kind: string) => [...objects, ...trouble].filter((object) => object.kind === kind).length
  const parts = [`${pods} pods in ${count('Namespace')} namespaces`, `${count('NetworkPolicy')} NetworkPolicies`]
  return [...parts, `${count('CronJob')} CronJobs`].join(', ')
}

async function apply(lab: string, server: string, objects: readonly Manifest[]): Promise<void> {
  const applied = await execIn(lab, server, ['k3s', 'kubectl', 'apply', '-f', '-'], { stdin: toYaml(objects) })
  if (applied.code !== 0) throw new FailedError(`kubectl apply ended with ${applied.code}: ${applied.stderr.trim()}`)
}

async function podsReady({ lab, nodes, say }: Cluster, pods: number): Promise<void> {
  const server = nodes[0]?.name ?? ''
  const timeoutMs = 180_000
  say(`waiting for its pods to run (${timeoutMs / 1000} s at most)`)
  let waiting: string[] = ['any pod']
  await until({ waitingFor: () => `${waiting.join(', ')} to be ready`, timeoutMs, everyMs: 250 }, async () => {
    const found = await get(lab, server, list(podObject), ['pods', '-A'])
    if (found === undefined || found.items.length < pods) return undefined
    const behind = found.items.filter((pod) => pod.status.phase !== 'Succeeded' && !isTrue(pod, 'Ready'))
    waiting = behind.map((pod) => `${pod.metadata.namespace}/${pod.metadata.name}`)
    return behind.length === 0 ? true : undefined
  })
}

function isTrue(object: { status: { conditions: { type: string; status: string }[] } }, type: string): boolean {
  return object.status.conditions.some((one) => one.type === type && one.status === 'True')
}

const serviceOf = (node: PlannedNode) => (node.role === 'server' ? 'k3s' : 'k3s-agent')

async function start(lab: string, node: PlannedNode): Promise<void> {
  for (const verb of [['daemon-reload'], ['enable', '--quiet'], ['start', '--no-block']]) {
    const unit = verb[0] === 'daemon-reload' ? [] : [serviceOf(node)]
    const done = await execIn(lab, node.name, ['systemctl', ...verb, ...unit])
    if (done.code !== 0) throw new FailedError(`systemctl ${verb[0]} on ${node.name}: ${done.stderr.trim()}`)
  }
}

/** A unit of Type=notify is active when K3s said that it is ready: with an etcd leader and an API. */
async function active(lab: string, node: PlannedNode): Promise<void> {
  const service = serviceOf(node)
  let state = 'not started'
  const waitingFor = () => `${service} on ${node.name} to become active (it is ${state})`
  try {
    await until({ waitingFor, timeoutMs: 180_000, everyMs: 200 }, async () => {
      state = (await execIn(lab, node.name, ['systemctl', 'is-active', service])).stdout.trim()
      return state === 'active' ? true : undefined
    })
  } catch (error) {
    if (!(error instanceof FailedError)) throw error
    const { stdout } = await execIn(lab, node.name, ['journalctl', '-u', service, '-n', '5', '-o', 'cat', '--no-pager'])
    throw new FailedError(`${error.message}; its last lines:\n${stdout.trimEnd()}`, { host: node.name })
  }
}

async function get<T>(lab: string, server: string, schema: z.ZodType<T>, what: string[]): Promise<T | undefined> {
  const got = await execIn(lab, server, ['k3s', 'kubectl', 'get', ...what, '-o', 'json'])
  return got.code === 0 ? schema.parse(JSON.parse(got.stdout)) : undefined
}

/** The images that the archives of a real K3s brought. */
async function realImages(lab: string, server: string): Promise<string[]> {
  const { stdout, stderr, code } = await execIn(lab, server, ['k3s', 'crictl', 'images', '-o', 'json'])
  if (code !== 0) throw new FailedError(`crictl images on ${server}: ${stderr.trim()}`)
  const images = z.object({ images: z.array(z.object({ repoTags: z.array(z.string()).nullish() })) })
  return images.parse(JSON.parse(stdout)).images.flatMap((image) => image.repoTags ?? [])
}
