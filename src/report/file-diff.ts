import { structuredPatch } from 'diff'
import type { FileDiff } from '../engine/model.ts'
import { visible } from '../visible.ts'

export interface DiffText {
  subject: string
  added: number
  removed: number
  /** Unified diff, header lines included, each line fit for a terminal. */
  lines: string[]
}

/** Two texts further apart than this many edits are shown as wholly replaced: finding the shortest diff would take minutes. */
const maxEditLength = 4000

/** The true unified diff of one thing. `null` before or after is shown as /dev/null, as `diff -N` does. */
export function unifiedDiff({ subject, before, after }: FileDiff): DiffText {
  const from = before === null ? '/dev/null' : `before ${subject}`
  const to = after === null ? '/dev/null' : `after ${subject}`
  const options = { context: 3, maxEditLength }
  const hunks =
    structuredPatch(from, to, before ?? '', after ?? '', undefined, undefined, options)?.hunks ??
    replacement(before ?? '', after ?? '')
  const body = hunks.flatMap((hunk) => [
    `@@ -${range(hunk.oldStart, hunk.oldLines)} +${range(hunk.newStart, hunk.newLines)} @@`,
    ...hunk.lines,
  ])
  return {
    subject: visible(subject),
    added: body.filter((line) => line.startsWith('+')).length,
    removed: body.filter((line) => line.startsWith('-')).length,
    lines: [`--- ${from}`, `+++ ${to}`, ...body].map((line) => visible(line.replaceAll('\t', '    '))),
  }
}

/** A side without lines begins before its first line, as `diff -u` and `patch` have it. */
function range(start: number, lines: number): string {
  return `${lines === 0 ? start - 1 : start},${lines}`
}

function replacement(before: string, after: string) {
  const linesOf = (text: string) => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))
  const [old, now] = [linesOf(before), linesOf(after)]
  const lines = [...old.map((line) => `-${line}`), ...now.map((line) => `+${line}`)]
  return [{ oldStart: 1, oldLines: old.length, newStart: 1, newLines: now.length, lines }]
}

/** The first lines of a long diff, and how many were left out. */
export function collapse(diff: DiffText, maxLines: number): { lines: string[]; hidden: number } {
  if (diff.lines.length <= maxLines) return { lines: diff.lines, hidden: 0 }
  return { lines: diff.lines.slice(0, maxLines), hidden: diff.lines.length - maxLines }
}
