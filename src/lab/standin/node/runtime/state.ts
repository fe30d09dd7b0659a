import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { paths } from '../../context.ts'
import type { CniResult, PortMapping } from '../cni/call.ts'
import { writeWhole } from '../files.ts'

export interface ContainerState {
  id: string
  name: string
  kind: 'init' | 'app'
  /** How many containers of this name the pod had before. */
  attempt: number
  image: string
  /** Of the process that waits for the program; with its start time, because pids come back. */
  pid: number
  startTicks: string
  startedAtMs: number
  finishedAtMs: number | null
  exitCode: number | null
  logPath: string
}

export interface SandboxState {
  id: string
  name: string
  namespace: string
  uid: string
  attempt: number
  createdAtMs: number
  ready: boolean
  /** Path of the network namespace; null on the host's network. */
  netns: string | null
  /** The CNI plugins have taken the network down and the namespace is deleted. */
  networkGone: boolean
  ip: string | null
  portMappings: PortMapping[]
  cniResult: CniResult | null
  labels: Record<string, string>
  annotations: Record<string, string>
  containers: ContainerState[]
}

/** As containerd's own records, these outlive a power-off; namespaces and processes do not. */
const folder = join(paths.data, 'agent/containerd/standin/sandboxes')

export async function readSandboxes(): Promise<SandboxState[]> {
  await mkdir(folder, { recursive: true })
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'))
  return Promise.all(names.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')) as SandboxState))
}

export async function writeSandbox(sandbox: SandboxState): Promise<void> {
  await writeWhole(join(folder, `${sandbox.id}.json`), `${JSON.stringify(sandbox, null, 1)}\n`)
}

export async function deleteSandbox(id: string): Promise<void> {
  await rm(join(folder, `${id}.json`), { force: true })
}
