import { BlockedError, FailedError } from '../errors.ts'
import { faultPoint } from './fault-point.ts'
import type { Target } from './model.ts'

/** Who holds a lock. Stands in the lock itself, so that whoever meets it is told. No secret: the nonce only names it. */
export interface LockOwner {
  /** Names this one lock. Whoever breaks it, and with it all that its run holds, must say it: no other is broken by accident. */
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
  /** What it stands on, where it has to be held before that is changed, however late it answers. */
  readonly target?: Target
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
  /** Runs that are over by their own journals: a process that died between its last record and giving the locks back left them. */
  overRuns: ReadonlySet<string>
  /** Whether the process that holds the lock may still be alive. Only asked about owners of the same run, and of runs that are over. */
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
  /**
   * Takes it where it stands on one of these targets, and could not be asked for before.
   * @param broken runs whose locks this one has broken: one of them may be lying there too
   * @returns names of the places; @throws as takeLocks
   */
  complete(targets: readonly Target[], broken: Iterable<string>): Promise<string[]>
  release(): Promise<void>
}

/**
 * All or none, in the given order (two operators who start at once then meet at the first place). A lock of the same run
 * whose process is gone is taken over, and is kept even when another place then refuses: that run stands half-way.
 * @throws BlockedError naming who holds it, since when, for which run, and how to break it; nothing else is held then
 * @throws FailedError when a place that must answer does not
 */
export async function takeLocks(options: LockOptions): Promise<HeldLocks> {
  const { places, owner } = options
  const taken: LockPlace[] = []
  const brokenRuns = new Set<string>()
  /** Those that this run held already: it stands half-way, and stays locked whatever becomes of this process. */
  const takenOver = new Set<LockPlace>()
  let unasked: LockPlace[] = []
  let tookOver: LockOwner | null = null
  let broke: LockOwner | null = null
  const release = async (places: readonly LockPlace[]): Promise<void> => {
    for (const place of places.toReversed()) await place.release(owner.nonce)
    faultPoint('lock.released', owner.runId)
  }
  const take = async (place: LockPlace, mayBeAway: boolean): Promise<void> => {
    const holder = await ask(place, owner, mayBeAway)
    if (holder === 'away') {
      unasked.push(place)
      return
    }
    if (holder !== 'taken') {
      const ownRun = holder.runId === owner.runId && !options.mayBeAlive(holder)
      const isOver = options.overRuns.has(holder.runId) && !options.mayBeAlive(holder)
      // Processes of one run that took over from each other leave locks of several nonces.
      const isBroken = isOver || holder.nonce === options.breakNonce || brokenRuns.has(holder.runId)
      if (!ownRun && !isBroken) throw heldBy(holder, place, owner)
      await place.release(holder.nonce)
      const again = await ask(place, owner, mayBeAway)
      if (again !== 'taken') throw heldBy(again === 'away' ? holder : again, place, owner)
      if (ownRun) {
        tookOver = holder
        takenOver.add(place)
      } else {
        broke = holder
        brokenRuns.add(holder.runId)
      }
    }
    taken.push(place)
    faultPoint('lock.taken', place.name)
  }
  try {
    for (const place of places) await take(place, place.mayBeAway ?? false)
  } catch (error) {
    await release(taken.filter((place) => !takenOver.has(place)))
    throw error
  }
  const names = (list: readonly LockPlace[]) => list.map((place) => place.name)
  return {
    nonce: owner.nonce,
    places: names(taken),
    unasked: names(unasked),
    tookOver,
    broke,
    async complete(targets, broken) {
      for (const run of broken) brokenRuns.add(run)
      const missing = unasked.filter(({ target }) => target !== undefined && targets.includes(target))
      for (const place of missing) {
        await take(place, false)
        unasked = unasked.filter((one) => one !== place)
      }
      return names(missing)
    },
    release: async () => {
      for (const place of unasked) await releaseLeftover(place, options)
      await release(taken)
    },
  }
}

/** A place that was away when the lock was taken may be back, with what a process of this run that is gone had left there. */
async function releaseLeftover(place: LockPlace, { owner, mayBeAlive }: LockOptions): Promise<void> {
  try {
    const holder = await place.inspect()
    if (holder?.runId === owner.runId && !mayBeAlive(holder)) await place.release(holder.nonce)
  } catch {
    // Still away: whoever meets the lock there is told whose it is, and how to break it.
  }
}

async function ask(place: LockPlace, owner: LockOwner, mayBeAway: boolean): Promise<'taken' | 'away' | LockOwner> {
  try {
    const holder = await place.acquire(owner)
    return holder !== 'taken' && holder.nonce === owner.nonce ? 'taken' : holder
  } catch (cause) {
    if (mayBeAway) return 'away'
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new FailedError(
      `the lock on ${place.name} could not be asked for: ${why}`,
      { next: 'nothing was changed; when it answers again: migrate status. One that is gone for good: README.md' },
      cause,
    )
  }
}

function heldBy(holder: LockOwner, place: LockPlace, owner: LockOwner): BlockedError {
  const who = `${holder.user}@${holder.host} (process ${holder.pid})`
  const own = holder.runId === owner.runId ? ', and may still be alive' : ''
  return new BlockedError(`${place.name}: locked by ${who} since ${holder.since} for run ${holder.runId}${own}`, {
    next: `ask them; if that run is over for good, the same command again with --break-lock ${holder.nonce}`,
  })
}
