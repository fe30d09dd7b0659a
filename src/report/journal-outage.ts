import type { OutageSpan } from '../engine/model.ts'
import type { JournalEntry } from '../engine/records.ts'

/** One time in which it was interrupted, by the times of the journal's records. */
export interface Interruption {
  startMs: number
  /** null: not over when the journal ends. */
  endMs: number | null
  wayBack: boolean
}

/**
 * How long an outage was, out of the journal alone: that is written before and after whatever is done, so it tells the same
 * when the operator's side was killed in between. A step that was done twice (after a rollback to a checkpoint) counts anew.
 */
export function interruptions(stepId: string, span: OutageSpan, journal: readonly JournalEntry[]): Interruption[] {
  const found: Interruption[] = []
  let begun = new Set<string>()
  let open: Interruption | null = null
  /** Intents of the way back's last step that are not undone yet. */
  const left = new Set<number>()
  const begin = (entry: { time: string; target: string }, wayBack: boolean) => {
    begun.add(entry.target)
    if (open !== null || begun.size < span.targets) return
    open = { startMs: Date.parse(entry.time), endMs: null, wayBack }
    found.push(open)
  }
  const end = (time: string) => {
    if (open !== null) open.endMs = Date.parse(time)
    open = null
    begun = new Set()
  }
  for (const entry of journal) {
    switch (entry.kind) {
      case 'intent':
        if (entry.stepId === stepId) begin(entry, false)
        if (entry.stepId === span.wayBack.until) left.add(entry.seq)
        break
      case 'gate-passed':
        if (entry.stepId === span.until) end(entry.time)
        break
      case 'undo-intent':
        if (entry.stepId === span.wayBack.from) begin(entry, true)
        break
      case 'undone':
        if (entry.stepId !== span.wayBack.until) break
        left.delete(entry.intent)
        if (left.size === 0) end(entry.time)
        break
    }
  }
  return found
}
