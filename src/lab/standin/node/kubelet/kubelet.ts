import type { Informer, NodeContext } from '../../context.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { SyncLoop } from '../tasks.ts'
import { readPod } from './pod.ts'
import { PodWorker } from './worker.ts'

/** How often leftovers are looked for and adopted containers looked at. */
const housekeepingMs = 1000
/** Between tries to take down a sandbox whose pod is gone. */
const orphanRetryMs = 10_000

/** Runs the pods of this node; stops looking at them, and leaves them alone, when K3s stops. */
export class Kubelet {
  private readonly context: NodeContext
  private readonly runtime: Runtime
  private readonly pods: Informer
  private readonly workers = new Map<string, PodWorker>()
  /** Pods whose end was confirmed; the watch may still show them for a moment. */
  private readonly gone = new Set<string>()
  private readonly orphanTriedMs = new Map<string, number>()

  constructor(context: NodeContext, runtime: Runtime, pods: Informer) {
    this.context = context
    this.runtime = runtime
    this.pods = pods
  }

  async start(): Promise<void> {
    await this.pods.synced
    this.onPods()
    new SyncLoop(() => this.housekeeping(), {
      signal: this.context.signal,
      everyMs: housekeepingMs,
      gatherMs: 0,
      onError: (error) => this.context.log('error', `"Housekeeping failed" err=${JSON.stringify(String(error))}`),
    })
  }

  /** The list of pods changed. */
  onPods = (): void => {
    const mine = this.pods.items().filter((object) => object.spec?.nodeName === this.context.nodeName)
    const uids = new Set<string>()
    for (const object of mine) {
      const pod = readPod(object)
      uids.add(pod.uid)
      if (this.gone.has(pod.uid)) continue
      const worker = this.workers.get(pod.uid)
      if (worker !== undefined) worker.update(pod)
      else this.workers.set(pod.uid, new PodWorker(this.context, this.runtime, pod, (uid) => this.onGone(uid)))
    }
    for (const [uid, worker] of this.workers) if (!uids.has(uid)) worker.end()
    for (const uid of this.gone) if (!uids.has(uid)) this.gone.delete(uid)
  }

  /** The runtime changed: a container ended, or crictl stopped a sandbox. */
  onRuntime = (): void => {
    for (const worker of this.workers.values()) worker.wake()
  }

  private onGone(uid: string): void {
    this.workers.delete(uid)
    this.gone.add(uid)
  }

  /** Sandboxes whose pod is gone from the API are taken down; one that the CNI fails to take down is tried again. */
  private async housekeeping(): Promise<void> {
    await this.runtime.refresh()
    const known = new Set(this.pods.items().map((pod) => pod.metadata.uid))
    for (const sandbox of this.runtime.sandboxes()) {
      if (known.has(sandbox.uid) || this.workers.has(sandbox.uid)) continue
      if (Date.now() - (this.orphanTriedMs.get(sandbox.id) ?? 0) < orphanRetryMs) continue
      this.orphanTriedMs.set(sandbox.id, Date.now())
      try {
        await this.runtime.removeSandbox(sandbox.id)
        this.orphanTriedMs.delete(sandbox.id)
      } catch (error) {
        this.context.log(
          'error',
          `"StopPodSandbox from runtime service failed" err=${JSON.stringify(String(error))} podSandboxID="${sandbox.id}"`,
        )
      }
    }
  }
}
