import { clearLine, cursorTo } from 'node:readline'
import type { GatherProgress } from '../probes/gather.ts'
import { duration } from './duration.ts'

/** What is being seen, as one line: redrawn on a terminal, else written now and then. */
export interface GatherLine {
  show(progress: GatherProgress): void
  /** Ctrl-C was seen: that it takes a moment, and how it takes none. */
  ending(): void
  /** Leaves the screen as it was before the line. */
  close(): void
}

const plainEveryMs = 60_000

export function gatherLine(stream: NodeJS.WriteStream, live: boolean, now: () => number): GatherLine {
  let shownMs = Number.NEGATIVE_INFINITY
  let ending = false
  const clear = () => {
    if (!live) return
    cursorTo(stream, 0)
    clearLine(stream, 0)
  }
  return {
    show(progress) {
      if (ending) return
      if (live) {
        cursorTo(stream, 0)
        // A line that wraps cannot be drawn over.
        stream.write(gatherText(progress).slice(0, stream.columns - 1))
        clearLine(stream, 1)
        return
      }
      if (progress.leftMs === null || now() - shownMs < plainEveryMs) return
      shownMs = now()
      stream.write(`${gatherText(progress)}\n`)
    },
    ending() {
      ending = true
      clear()
      stream.write(
        'Ending with what was seen, as soon as the last attempts have; Ctrl-C again ends at once and keeps nothing\n',
      )
    },
    close() {
      if (!ending) clear()
    },
  }
}

/** `9 min 58 s left, 62 pairs: 240 attempts, 3 failed, 12 rejects, 2 syncs, 9 changes (Ctrl-C keeps what was seen)` */
export function gatherText({ leftMs, pairs, attempts, failures, ...beside }: GatherProgress): string {
  if (leftMs === null) return 'looking at the cluster'
  const { rejects, reconciles, churn } = beside
  const seen = `${attempts} attempts, ${failures} failed, ${rejects} rejects, ${reconciles} syncs, ${churn} changes`
  return `${duration(Math.round(leftMs / 1000) * 1000)} left, ${pairs} pairs: ${seen} (Ctrl-C keeps what was seen)`
}
