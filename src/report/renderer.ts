import type { EngineEvent } from '../engine/events.ts'

/** Shows a run while it goes on. It is only told: nothing in the engine waits for it or hears from it. */
export interface Renderer {
  handle(event: EngineEvent): void
  /** Leaves the screen alone while the operator is asked something. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Gives the screen back. */
  close(): Promise<void>
}

/** Milliseconds since the epoch. */
export type Now = () => number
