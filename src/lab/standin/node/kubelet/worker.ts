import { join } from 'node:path'
import { ApiError, type NodeContext } from '../../context.ts'
import { notInitialized } from '../cni/network.ts'
import { normalizeImage } from '../runtime/images.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { ContainerState, SandboxState } from '../runtime/state.ts'
import { SyncLoop } from '../tasks.ts'
import { ConfigError, environmentOf } from './environment.ts'
import { recordEvent } from './events.ts'
import { type ContainerDefinition, type Pod, podPath } from './pod.ts'
import { isReady } from './probes.ts'
import { programOf } from './programs.ts'
import { podStatus, type Waiting } from './status.ts'
import { mountVolumes, notADirectory, unmountVolumes } from './volumes.ts'

/** Shorter than the real kubelet's 10 s to 5 min, so that practising a crash loop does not take an evening. */
const backOffMs = { first: 1000, longest: 20_000 }
/** Between tries to pull an image that could not be pulled. */
const pullRetryMs = 10_000
/** A container that ran this long starts again without waiting. */
const steadyMs = 60_000

export const networkNotReady = `container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: ${notInitialized}`

interface BackOff {
  delayMs: number
  /** The container id that this delay was given for. */
  containerId: string
}

/** Brings one pod of this node to what its spec says, again and again, as the kubelet's pod workers do. */
export class PodWorker {
  private readonly context: NodeContext
  private readonly runtime: Runtime
  private readonly ending = new AbortController()
  private readonly loop: SyncLoop
  private readonly onGone: (uid: string) => void
  private pod: Pod
  private ready = new Map<string, boolean>()
  private waiting = new Map<string, Waiting>()
  private backOffs = new Map<string, BackOff>()
  private pullFailedMs = new Map<string, number>()
  private mounted = false
  private reported = ''

  constructor(context: NodeContext, runtime: Runtime, pod: Pod, onGone: (uid: string) => void) {
    this.context = context
    this.runtime = runtime
    this.pod = pod
    this.onGone = onGone
    context.signal.addEventListener('abort', () => this.ending.abort(), { once: true })
    this.loop = new SyncLoop(() => this.sync(), {
      signal: this.ending.signal,
      everyMs: 1000,
      gatherMs: 0,
      onError: (error) => {
        if (this.context.signal.aborted) return
        context.log(
          'error',
          `"Error syncing pod, skipping" err=${JSON.stringify(text(error))} pod="${pod.namespace}/${pod.name}" podUID=${pod.uid}`,
        )
      },
    })
  }

  update(pod: Pod): void {
    const isNews = pod.object.metadata.resourceVersion !== this.pod.object.metadata.resourceVersion
    this.pod = pod
    if (isNews) this.loop.request()
  }

  wake = (): void => this.loop.request()

  private async sync(): Promise<void> {
    const { pod } = this
    if (pod.terminating) return this.terminate()
    const phase = pod.object.status?.phase
    if (phase === 'Succeeded' || phase === 'Failed') return this.settle()
    let sandbox = this.current()
    if (sandbox === null || !sandbox.ready) {
      if (!pod.hostNetwork && !(await this.runtime.network.isReady())) {
        await this.report(sandbox?.ready === true ? sandbox : null)
        await this.event('Warning', 'NetworkNotReady', `network is not ready: ${networkNotReady}`)
        throw new Error(`network is not ready: ${networkNotReady}`)
      }
      sandbox = await this.renewSandbox(sandbox)
    }
    if (sandbox !== null) {
      const initialized = await this.startInits(sandbox)
      if (initialized) for (const container of pod.containers) await this.startIfDue(sandbox, container, 'app')
      for (const container of pod.containers) await this.probe(sandbox, container)
    }
    await this.report(sandbox)
  }

  private current(): SandboxState | null {
    return this.runtime.sandboxes().find((sandbox) => sandbox.uid === this.pod.uid) ?? null
  }

  /** A sandbox that was stopped, or lost with the power, is taken down and another made: same pod, new namespace and address. */
  private async renewSandbox(old: SandboxState | null): Promise<SandboxState | null> {
    const { pod } = this
    if (old !== null) {
      await this.event('Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.')
      for (const stale of this.runtime.sandboxes())
        if (stale.uid === pod.uid) await this.runtime.removeSandbox(stale.id)
    }
    if (!this.mounted) {
      try {
        await mountVolumes(this.context.api, pod)
        this.mounted = true
      } catch (error) {
        await this.report(null)
        await this.event('Warning', 'FailedMount', `MountVolume.SetUp failed for volume: ${text(error)}`)
        return null
      }
    }
    // That it waits for its network is to be seen while it does.
    if (old === null) await this.report(null)
    try {
      return await this.runtime.createSandbox({
        name: pod.name,
        namespace: pod.namespace,
        uid: pod.uid,
        attempt: old === null ? 0 : old.attempt + 1,
        hostNetwork: pod.hostNetwork,
        portMappings: pod.hostNetwork ? [] : hostPorts(pod),
        labels: {
          ...pod.object.metadata.labels,
          'io.kubernetes.pod.name': pod.name,
          'io.kubernetes.pod.namespace': pod.namespace,
          'io.kubernetes.pod.uid': pod.uid,
        },
        annotations: pod.object.metadata.annotations ?? {},
      })
    } catch (error) {
      await this.report(null)
      const message = `Failed to create pod sandbox: rpc error: code = Unknown desc = ${text(error)}`
      // The sandbox id in it would make every try an event of its own.
      await this.event(
        'Warning',
        'FailedCreatePodSandBox',
        message.replace(/[0-9a-f]{64}/, (id) => id.slice(0, 8)),
      )
      throw new Error(message)
    }
  }

  /** Init containers, one after the other; true when all have ended well. */
  private async startInits(sandbox: SandboxState): Promise<boolean> {
    for (const container of this.pod.initContainers) {
      const state = stateOf(sandbox, container.name)
      if (state?.exitCode === 0) continue
      if (state === undefined || state.finishedAtMs !== null) await this.startIfDue(sandbox, container, 'init')
      return false
    }
    return true
  }

  private async startIfDue(sandbox: SandboxState, container: ContainerDefinition, kind: 'init' | 'app'): Promise<void> {
    const { pod } = this
    const last = stateOf(sandbox, container.name)
    if (last !== undefined && last.finishedAtMs === null) return
    if (last !== undefined && !this.mayRestart(last, kind)) return
    if (last !== undefined && !(await this.isDue(last, container))) return
    const image = await this.ensureImage(container)
    if (image === null || !(await this.mountsFit(container))) return
    try {
      await this.runtime.startContainer(sandbox.id, {
        name: container.name,
        kind,
        attempt: last === undefined ? 0 : last.attempt + 1,
        image,
        argv: programOf(pod, container),
        env: await environmentOf(this.context, pod, container, sandbox.ip ?? this.context.nodeIp),
        logPath: join(`/var/log/pods/${pod.namespace}_${pod.name}_${pod.uid}`, container.name, '0.log'),
      })
      this.waiting.delete(container.name)
      this.ready.delete(container.name)
      await this.event('Normal', 'Started', `Started container ${container.name}`)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      this.waiting.set(container.name, { reason: 'CreateContainerConfigError', message: error.message })
      await this.event('Warning', 'Failed', `Error: ${error.message}`)
    }
  }

  /** A hostPath may have become something else since the pod's volumes were set up: then runc cannot mount it. */
  private async mountsFit(container: ContainerDefinition): Promise<boolean> {
    const mounted = (container.volumeMounts ?? []).map(({ name }) => name)
    const wrong = await notADirectory(this.pod.volumes.filter(({ name }) => mounted.includes(name)))
    if (wrong === null) return true
    const message = `failed to create containerd task: OCI runtime create failed: error mounting "${wrong}" to rootfs: not a directory`
    const before = this.waiting.get(container.name)
    this.waiting.set(container.name, { reason: 'RunContainerError', message })
    if (before?.message !== message) await this.event('Warning', 'Failed', `Error: ${message}`)
    return false
  }

  private mayRestart(last: ContainerState, kind: 'init' | 'app'): boolean {
    const { restartPolicy } = this.pod
    if (last.exitCode === 0) return kind === 'app' && restartPolicy === 'Always'
    return restartPolicy !== 'Never'
  }

  private async isDue(last: ContainerState, container: ContainerDefinition): Promise<boolean> {
    const ended = last.finishedAtMs ?? Date.now()
    const before = this.backOffs.get(container.name)
    if (before?.containerId !== last.id) {
      const steady = ended - last.startedAtMs >= steadyMs
      const delayMs = before === undefined || steady ? backOffMs.first : Math.min(before.delayMs * 2, backOffMs.longest)
      this.backOffs.set(container.name, { delayMs, containerId: last.id })
    }
    const delayMs = this.backOffs.get(container.name)?.delayMs ?? backOffMs.first
    if (Date.now() - ended >= delayMs) return true
    const { pod } = this
    this.waiting.set(container.name, {
      reason: 'CrashLoopBackOff',
      message: `back-off ${delayMs / 1000}s restarting failed container=${container.name} pod=${pod.name}_${pod.namespace}(${pod.uid})`,
    })
    if (before?.containerId !== last.id) {
      await this.event(
        'Warning',
        'BackOff',
        `Back-off restarting failed container ${container.name} in pod ${pod.name}_${pod.namespace}(${pod.uid})`,
      )
    }
    return false
  }

  private async ensureImage(container: ContainerDefinition): Promise<string | null> {
    const image = normalizeImage(container.image)
    const policy = container.imagePullPolicy ?? 'IfNotPresent'
    const { images } = this.runtime
    if (policy !== 'Always' && (await images.has(image))) return image
    if (policy === 'Never') {
      const message = `Container image "${container.image}" is not present with pull policy of Never`
      this.waiting.set(container.name, { reason: 'ErrImageNeverPull', message })
      await this.event('Warning', 'ErrImageNeverPull', message)
      return null
    }
    if (Date.now() - (this.pullFailedMs.get(image) ?? 0) < pullRetryMs) {
      this.waiting.set(container.name, {
        reason: 'ImagePullBackOff',
        message: `Back-off pulling image "${container.image}"`,
      })
      return null
    }
    try {
      await images.pull(image)
      return image
    } catch (error) {
      this.pullFailedMs.set(image, Date.now())
      this.waiting.set(container.name, { reason: 'ErrImagePull', message: text(error) })
      await this.event('Warning', 'Failed', `Failed to pull image "${container.image}": ${text(error)}`)
      return null
    }
  }

  private async probe(sandbox: SandboxState, container: ContainerDefinition): Promise<void> {
    const state = stateOf(sandbox, container.name)
    if (state === undefined || state.finishedAtMs !== null || container.readinessProbe === undefined) return
    const ready = await isReady(container, this.pod.hostNetwork ? '127.0.0.1' : (sandbox.ip ?? ''))
    if (!ready && this.ready.get(container.name) === true) {
      await this.event('Warning', 'Unhealthy', `Readiness probe failed: container ${container.name}`)
    }
    this.ready.set(container.name, ready)
  }

  /** A pod that has ended: its sandbox goes, its record stays until the pod is deleted. */
  private async settle(): Promise<void> {
    const sandbox = this.current()
    if (sandbox?.ready) await this.runtime.stopSandbox(sandbox.id)
  }

  /** Stops everything and confirms the deletion, even if the CNI cannot take the network down (then the sandbox stays). */
  private async terminate(): Promise<void> {
    const { pod } = this
    const failures: string[] = []
    for (const sandbox of this.runtime.sandboxes()) {
      if (sandbox.uid !== pod.uid) continue
      try {
        await this.runtime.stopSandbox(sandbox.id, pod.graceMs)
        await this.runtime.removeSandbox(sandbox.id)
      } catch (error) {
        failures.push(text(error))
      }
    }
    for (const failure of failures) {
      this.context.log(
        'error',
        `"StopPodSandbox from runtime service failed" err="rpc error: code = Unknown desc = ${failure}"`,
      )
    }
    if (failures.length === 0) await unmountVolumes(pod)
    try {
      await this.context.api.delete(`${podPath(pod)}?gracePeriodSeconds=0`)
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 404) throw error
    }
    this.end()
  }

  /** Ends the worker: its pod is gone from the API. What it left is for the kubelet's housekeeping. */
  end(): void {
    this.ending.abort()
    this.onGone(this.pod.uid)
  }

  private async report(sandbox: SandboxState | null): Promise<void> {
    const { pod } = this
    const status = podStatus({
      pod,
      nodeIp: this.context.nodeIp,
      sandbox,
      ready: this.readiness(),
      waiting: this.waiting,
      restarts: this.restarts(sandbox),
      now: new Date(),
    })
    const seen = JSON.stringify(status)
    if (seen === this.reported) return
    try {
      await this.context.api.patch(`${podPath(pod)}/status`, { status })
    } catch (error) {
      if (error instanceof ApiError && error.code === 404) return
      throw error
    }
    this.reported = seen
    // What was written is what the next status is compared with; the watch may be late.
    pod.object.status = status
  }

  private readiness(): Map<string, boolean> {
    const probed = this.pod.containers.filter((container) => container.readinessProbe !== undefined)
    return new Map(probed.map((container) => [container.name, this.ready.get(container.name) ?? false]))
  }

  /** Starts before this one: counted on from the status, so that they survive the loss of a sandbox and of K3s. */
  private restarts(sandbox: SandboxState | null): Map<string, number> {
    const status = this.pod.object.status ?? {}
    const known = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])] as {
      name: string
      restartCount: number
      containerID?: string
      lastState?: { terminated?: { containerID?: string } }
    }[]
    return new Map(
      [...this.pod.initContainers, ...this.pod.containers].map(({ name }) => {
        const before = known.find((one) => one.name === name)
        const now = sandbox === null ? undefined : stateOf(sandbox, name)
        const count = before?.restartCount ?? 0
        const isNew =
          now !== undefined && before?.containerID !== undefined && before.containerID !== `containerd://${now.id}`
        return [name, isNew ? count + 1 : count]
      }),
    )
  }

  private async event(type: 'Normal' | 'Warning', reason: string, message: string): Promise<void> {
    try {
      await recordEvent(this.context, this.pod, type, reason, message)
    } catch (error) {
      // An event is a note; the pod matters more.
      this.context.log('warning', `"Unable to write event" err=${JSON.stringify(text(error))}`)
    }
  }
}

function stateOf(sandbox: SandboxState, name: string): ContainerState | undefined {
  return sandbox.containers.find((container) => container.name === name)
}

function hostPorts(pod: Pod) {
  return pod.containers.flatMap((container) =>
    (container.ports ?? []).flatMap((port) =>
      port.hostPort === undefined
        ? []
        : [
            {
              hostPort: port.hostPort,
              containerPort: port.containerPort,
              protocol: (port.protocol ?? 'TCP').toLowerCase(),
              ...(port.hostIP === undefined ? {} : { hostIP: port.hostIP }),
            },
          ],
    ),
  )
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
