import type { Clock } from '../../../src/engine/model.ts'

/**
 * Time that passes only when nothing else can happen: everything in a simulated run goes on in microtasks, so whoever
 * still sleeps when the event loop comes round is the next to wake.
 */
export class ToyClock implements Clock {
  #nowMs = Date.parse('2026-01-01T00:00:00Z')
  #sleepers: { atMs: number; wake: () => void }[] = []

  nowMs(): number {
    return this.#nowMs
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const sleeper = { atMs: this.#nowMs + ms, wake: resolve }
      this.#sleepers.push(sleeper)
      signal?.addEventListener('abort', () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper)
        reject(signal.reason)
      })
      setImmediate(() => this.#wakeNext())
    })
  }

  #wakeNext(): void {
    const next = this.#sleepers.toSorted((a, b) => a.atMs - b.atMs)[0]
    if (next === undefined) return
    this.#sleepers = this.#sleepers.filter((other) => other !== next)
    this.#nowMs = Math.max(this.#nowMs, next.atMs)
    next.wake()
  }
}
