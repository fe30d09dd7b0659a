import { visible } from '../visible.ts'
import { duration } from './duration.ts'
import { findingsText } from './plan-text.ts'
import type { Verified } from './verify-json.ts'
import { periodsText } from './verify-periods.ts'
import { verifyTable } from './verify-table.ts'

/** What `migrate verify` says, line by line. */
export function verifyText(verified: Verified, options: { colour: boolean; width: number }): string[] {
  const { findings, evidence, compared, watched } = verified
  const found = findingsText([...findings], options)
  return [
    ...headOf(verified),
    ...verifyTable(evidence, options.width),
    ...(compared === null ? [] : ['', ...periodsText(compared, options)]),
    ...(found.length === 0 ? [] : ['', ...found]),
    ...(watched === null ? [] : ['', `What was seen is kept in ${visible(watched.file)}`]),
  ]
}

function headOf({ against, watched }: Verified): string[] {
  if ('runId' in against)
    return [`Compared with what run ${visible(against.runId)} recorded at ${visible(against.recordedAt)}.`]
  const seen = watched ? duration(watched.untilMs - watched.fromMs) : ''
  const before = duration(against.untilMs - against.fromMs)
  return [`The same pairs for ${seen}, compared with ${before} of ${visible(against.baseline)}.`]
}
