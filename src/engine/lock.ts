/** Who holds a lock. Stands in the lock itself, so that whoever meets it is told. No secret: the nonce only names it. */
export interface LockOwner {
  /** Names this one lock; whoever breaks it must say it, and so cannot break another by accident. */
  nonce: string
  runId: string
  cluster: string
  /** "alice" */
  user: string
  host: string
  pid: number
  /** Tells a process of this boot of `host` from one of an earlier boot. */
  bootId: string
  /** ISO time. */
  since: string
}

/** One place a lock can be held: a local file, a directory on a node, a Lease. */
export interface LockPlace {
  /** As shown to the operator: "node a", "lease kube-system/cni-migrate". */
  readonly name: string
  /** True where the place may be out of reach in the middle of a run (the API): then it is left out, and that is said. */
  readonly mayBeAway?: boolean
  /** Atomic. 'taken', or who holds it (its own owner too). Throws when the place cannot be asked. */
  acquire(owner: LockOwner): Promise<'taken' | LockOwner>
  /** Gives up the lock of that nonce; does nothing when another or none is there. */
  release(nonce: string): Promise<void>
  inspect(): Promise<LockOwner | null>
}

export interface LockOptions {
  /** In the order in which they are taken. */
  places: readonly LockPlace[]
  owner: LockOwner
  /** `--break-lock NONCE` */
  breakNonce?: string
  /** Whether the process that holds the lock may still be alive. Only asked about owners of the same run. */
  mayBeAlive(owner: LockOwner): boolean
}

export interface HeldLocks {
  readonly nonce: string
  readonly places: readonly string[]
  /** Places that could not be asked (mayBeAway). */
  readonly unasked: readonly string[]
  /** The same run's lock, left by a process that is gone. */
  readonly tookOver: LockOwner | null
  readonly broke: LockOwner | null
  release(): Promise<void>
}

/** All or none, in order. BlockedError naming who holds it, since when, for which run, and how to break it. */
export declare function takeLocks(options: LockOptions): Promise<HeldLocks>
