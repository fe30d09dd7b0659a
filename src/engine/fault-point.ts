/**
 * Named places at which a test may end the program. No-ops in production; what follows the colon in a full name is the
 * record kind or the step id: `task.afterApply:stop-k3s`.
 */
export const faultPoints = [
  'journal.beforeAppend',
  'journal.afterAppend',
  'task.beforeApply',
  'task.afterApply',
  'task.beforeVerify',
  'task.afterVerify',
  'task.beforeUndo',
  'task.afterUndo',
  'record.beforeSave',
  'record.afterSave',
  'step.beforeCheckpoint',
  'step.afterCheckpoint',
  'lock.taken',
  'lock.released',
] as const
export type FaultPoint = (typeof faultPoints)[number]
export type FaultHook = (name: string) => void

let hook: FaultHook | null = hookOf(process.env.MIGRATE_FAULT_POINT)

/** Tells the hook, if there is one, that the program is at `point`. A hook that throws ends the run there. */
export function faultPoint(point: FaultPoint, detail: string): void {
  hook?.(`${point}:${detail}`)
}

/** Sets the hook for as long as the result is not disposed. */
export function useFaultHook(next: FaultHook): Disposable {
  const before = hook
  hook = next
  return {
    [Symbol.dispose]: () => {
      hook = before
    },
  }
}

/**
 * MIGRATE_FAULT_POINT=NAME[:N]: this process is killed (SIGKILL, as by a power cut) when it comes to NAME for the N-th time.
 * NAME is a full name or one without what follows the colon.
 */
function hookOf(setting: string | undefined): FaultHook | null {
  if (setting === undefined || setting === '') return null
  const [, wanted, count] = /^(.*?)(?::(\d+))?$/.exec(setting) ?? []
  let left = Number(count ?? 1)
  return (name) => {
    if (name !== wanted && name.split(':')[0] !== wanted) return
    left -= 1
    if (left === 0) process.kill(process.pid, 'SIGKILL')
  }
}
