import type { Facts } from '../facts/facts.ts'

/** The continuous connection probing of a run. It lives on the nodes and survives the operator's side. */
export interface OutageProbe {
  /** Starts it on every node; a probe of this run that is running already is left alone. */
  start(runId: string, facts: Facts): Promise<void>
  /** Tells it where the pods are now. Called whenever pods have moved. */
  follow(runId: string): Promise<void>
  /** Stops it, fetches what it saw, keeps that in the run's folder, and removes its traces from the nodes. */
  stop(runId: string): Promise<void>
}
