import { setTimeout as delay } from 'node:timers/promises'

/** Runs one task at a time, in the order they came. */
export class Queue {
  private tail: Promise<unknown> = Promise.resolve()

  add<T>(task: () => Promise<T>): Promise<T> {
    const result = this.tail.then(task, task)
    this.tail = result.catch(() => undefined)
    return result
  }
}

export interface LoopOptions {
  signal: AbortSignal
  /** Runs again after this long even if nothing asked for it. */
  everyMs: number
  /** Requests that come closer together than this are one run: a burst of events is one sync. */
  gatherMs: number
  onError: (error: unknown) => void
}

/** A one-slot work queue: requests during a run lead to exactly one more run, as the controllers of K3s do it. */
export class SyncLoop {
  private wake: (() => void) | undefined
  private requested = true
  readonly ended: Promise<void>

  constructor(work: () => Promise<void>, options: LoopOptions) {
    options.signal.addEventListener('abort', () => this.wake?.(), { once: true })
    this.ended = this.loop(work, options)
  }

  request = (): void => {
    this.requested = true
    this.wake?.()
  }

  private async loop(work: () => Promise<void>, options: LoopOptions): Promise<void> {
    while (!options.signal.aborted) {
      if (!this.requested) {
        const timer = setTimeout(() => this.wake?.(), options.everyMs)
        await new Promise<void>((resolve) => {
          this.wake = resolve
        })
        clearTimeout(timer)
        if (options.signal.aborted) return
      }
      if (options.gatherMs > 0) await delay(options.gatherMs)
      this.requested = false
      try {
        await work()
      } catch (error) {
        options.onError(error)
      }
    }
  }
}
