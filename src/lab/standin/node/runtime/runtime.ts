import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { paths } from '../../context.ts'
import type { PortMapping } from '../cni/call.ts'
import type { PodNetwork } from '../cni/network.ts'
import { attempt, run } from '../command.ts'
import { Queue } from '../tasks.ts'
import { ImageStore } from './images.ts'
import { exitCodeOf, isRunning, launch, terminate } from './processes.ts'
import { type ContainerState, deleteSandbox, readSandboxes, type SandboxState, writeSandbox } from './state.ts'

const netnsFolder = '/var/run/netns'
const stopGraceMs = 10_000

export interface SandboxSpec {
  name: string
  namespace: string
  uid: string
  attempt: number
  hostNetwork: boolean
  portMappings: PortMapping[]
  labels: Record<string, string>
  annotations: Record<string, string>
}

export interface ContainerSpec {
  name: string
  kind: 'init' | 'app'
  attempt: number
  image: string
  argv: readonly string[]
  env: Record<string, string>
  logPath: string
}

/** The container runtime of a node: sandboxes as network namespaces, containers as process groups in them. */
export class Runtime {
  readonly images = new ImageStore()
  readonly network: PodNetwork
  private readonly byId = new Map<string, SandboxState>()
  private readonly queues = new Map<string, Queue>()
  private readonly writes = new Queue()
  /** Called when a sandbox or a container changed by itself or by crictl. */
  private readonly onChange: () => void

  constructor(network: PodNetwork, onChange: () => void) {
    this.network = network
    this.onChange = onChange
  }

  /** Adopts what was there before K3s started. After a boot that is records only: namespaces and processes are gone. */
  async adopt(): Promise<void> {
    const marker = join(paths.runtime, 'booted')
    const freshBoot = !existsSync(marker)
    for (const sandbox of await readSandboxes()) {
      if (freshBoot || (sandbox.netns !== null && !existsSync(sandbox.netns))) sandbox.ready = false
      this.byId.set(sandbox.id, sandbox)
    }
    await mkdir(paths.runtime, { recursive: true })
    await writeFile(marker, '')
    await this.refresh()
  }

  sandboxes(): SandboxState[] {
    return [...this.byId.values()].sort((a, b) => b.createdAtMs - a.createdAtMs)
  }

  find(prefix: string): SandboxState {
    const found = this.sandboxes().filter((sandbox) => sandbox.id.startsWith(prefix))
    const [only] = found
    if (only === undefined || found.length > 1)
      throw new Error(`rpc error: code = NotFound desc = an error occurred when try to find sandbox: not found`)
    return only
  }

  /** Looks which containers have ended since. Those of this process say so themselves; adopted ones must be looked at. */
  async refresh(): Promise<void> {
    for (const sandbox of this.byId.values()) {
      let changed = false
      if (sandbox.ready && sandbox.netns !== null && !existsSync(sandbox.netns)) {
        sandbox.ready = false
        changed = true
      }
      for (const container of sandbox.containers) {
        if (container.finishedAtMs !== null || isRunning(container)) continue
        container.exitCode = await exitCodeOf(container.id)
        container.finishedAtMs = Date.now()
        changed = true
      }
      if (!changed) continue
      await this.save(sandbox)
      this.onChange()
    }
  }

  async createSandbox(spec: SandboxSpec): Promise<SandboxState> {
    const { hostNetwork, ...identity } = spec
    const sandbox: SandboxState = {
      ...identity,
      id: randomBytes(32).toString('hex'),
      createdAtMs: Date.now(),
      ready: true,
      netns: hostNetwork ? null : `${netnsFolder}/cni-${randomUUID()}`,
      networkGone: hostNetwork,
      ip: null,
      cniResult: null,
      containers: [],
    }
    if (sandbox.netns !== null) {
      await run(['ip', 'netns', 'add', netnsOf(sandbox)])
      try {
        sandbox.cniResult = await this.network.add(attachment(sandbox))
        sandbox.ip = sandbox.cniResult.ips[0]?.address.split('/')[0] ?? null
      } catch (error) {
        await this.network.delete(attachment(sandbox)).catch(() => undefined)
        await attempt(['ip', 'netns', 'delete', netnsOf(sandbox)])
        throw new Error(`failed to setup network for sandbox "${sandbox.id}": ${text(error)}`)
      }
    }
    this.byId.set(sandbox.id, sandbox)
    await this.save(sandbox)
    return sandbox
  }

  /** Stops the containers, has the CNI take the network down, deletes the namespace. The record stays, not ready. */
  stopSandbox(id: string, graceMs = stopGraceMs): Promise<void> {
    return this.queueOf(id).add(async () => {
      const sandbox = this.byId.get(id)
      if (sandbox === undefined) return
      await Promise.all(sandbox.containers.map((container) => terminate(container, graceMs)))
      await this.refresh()
      if (sandbox.ready) {
        sandbox.ready = false
        await this.save(sandbox)
      }
      if (!sandbox.networkGone) {
        const there = sandbox.netns !== null && existsSync(sandbox.netns)
        try {
          await this.network.delete({ ...attachment(sandbox), netns: there ? (sandbox.netns ?? '') : '' })
        } catch (error) {
          throw new Error(`failed to destroy network for sandbox "${id}": ${text(error)}`)
        }
        if (there) await run(['ip', 'netns', 'delete', netnsOf(sandbox)])
        sandbox.networkGone = true
        await this.save(sandbox)
      }
      this.onChange()
    })
  }

  async removeSandbox(id: string): Promise<void> {
    await this.stopSandbox(id)
    this.byId.delete(id)
    this.queues.delete(id)
    await this.writes.add(() => deleteSandbox(id))
  }

  startContainer(sandboxId: string, spec: ContainerSpec): Promise<ContainerState> {
    return this.queueOf(sandboxId).add(async () => {
      const sandbox = this.byId.get(sandboxId)
      if (sandbox === undefined || !sandbox.ready) throw new Error(`sandbox container "${sandboxId}" is not running`)
      const id = randomBytes(32).toString('hex')
      const started = await launch({
        containerId: id,
        argv: spec.argv,
        env: spec.env,
        netns: sandbox.netns,
        logPath: spec.logPath,
        onExit: () => void this.refresh(),
      })
      const container: ContainerState = {
        ...started,
        id,
        name: spec.name,
        kind: spec.kind,
        attempt: spec.attempt,
        image: spec.image,
        logPath: spec.logPath,
        startedAtMs: Date.now(),
        finishedAtMs: null,
        exitCode: null,
      }
      // Of the ended ones only the last is kept, as the kubelet's garbage collection does.
      sandbox.containers = [...sandbox.containers.filter((one) => one.name !== spec.name), container]
      await this.save(sandbox)
      return container
    })
  }

  /** Two ends may write one record (a stop, and a container seen to have ended); a removed one must not come back. */
  private save(sandbox: SandboxState): Promise<void> {
    return this.writes.add(async () => {
      if (this.byId.get(sandbox.id) === sandbox) await writeSandbox(sandbox)
    })
  }

  private queueOf(id: string): Queue {
    const queue = this.queues.get(id) ?? new Queue()
    this.queues.set(id, queue)
    return queue
  }
}

function netnsOf(sandbox: SandboxState): string {
  return (sandbox.netns ?? '').slice(netnsFolder.length + 1)
}

function attachment(sandbox: SandboxState) {
  const { id, name, namespace, uid, portMappings } = sandbox
  return { id, name, namespace, uid, portMappings, netns: sandbox.netns ?? '' }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
