import type { EnginePromise } from './promise.ts'

const secret = 's3cret'

/** P9. The token may stand in the copy that the snapshot cannot be restored without, and nowhere else. */
export const secretsKept: EnginePromise = {
  id: 'P9',
  says: 'no secret stands in an argument, the journal, a record or a plan',
  broken({ base, trace, simulation: { disk } }) {
    const sent = trace.flatMap((entry) =>
      entry.kind === 'sent' && entry.words.some((word) => word.includes(secret)) && !isGivingBack(entry.what)
        ? [`sent to ${entry.to}: ${entry.what}`]
        : [],
    )
    const files = Object.entries(disk.files)
      .filter(([path, { text }]) => !path.startsWith('backups/') && text.includes(secret))
      .map(([path]) => `in ${path}`)
    const journal = disk.journal.lines.some((line) => line.includes(secret)) ? ['in the journal'] : []
    const plan = JSON.stringify(base.run.plan).includes(secret) ? ['in the plan'] : []
    return [...sent, ...files, ...journal, ...plan]
  },
}

/** A file of the node's own goes back to it whole, on stdin. */
const isGivingBack = (what: string) => what.startsWith('[write-file] ')
