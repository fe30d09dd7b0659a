import type { TaskContext } from '../engine/model.ts'
import type { ChartSource } from '../inventory/schema.ts'

/** What is to be installed. */
export interface ChartRelease {
  version: string
  /** YAML, as `valuesText` prints it. */
  values: string
  chart: ChartSource
}

/** How the chart gets into the cluster. No call waits for the agents: that is for the operation, and the same for all. */
export interface ChartInstaller {
  /** Installs, or changes what is installed. */
  apply(release: ChartRelease, task: TaskContext): Promise<void>
  /** Changes the values of what is installed, whoever installed it, and as little else as can be. */
  setValues(release: ChartRelease, task: TaskContext): Promise<void>
  /** Removing what is not there is fine. */
  remove(task: TaskContext): Promise<void>
}
