import type { HostKeyPlace } from './host-key.ts'

/** One machine to open an SSH connection to, and the machines to go through. Everything resolved, nothing left to guess. */
export interface Endpoint extends HostKeyPlace {
  host: string
  port: number
  user: string
  /** Absolute paths, in the order in which they are offered. They need not exist. */
  identityFiles: readonly string[]
  /** Offer only keys of identityFiles, from the agent too. */
  identitiesOnly: boolean
  /** Path of the agent's socket. */
  agentSocket?: string | undefined
  /** The nearest first. */
  jumps: readonly Endpoint[]
  /** What the operator should know: "no ssh program: ~/.ssh/config was not read". */
  notes: readonly string[]
}
