import { faultPoint } from './fault-point.ts'
import type { Json, RecordStep } from './model.ts'
import type { Session } from './session.ts'

/** Reads facts and keeps them: first the file, then the record that vouches for it. */
export async function runRecord<Facts, World>(session: Session<Facts, World>, step: RecordStep<Facts>): Promise<void> {
  const { context, journal } = session
  session.facts = await context.reader.read(step.reads, 'all', session.facts)
  faultPoint('record.beforeSave', step.id)
  const { file, sha256 } = await context.records.save(step.saveAs, session.facts as unknown as Json)
  faultPoint('record.afterSave', step.id)
  await journal.append({ kind: 'recorded', stepId: step.id, name: step.saveAs, file, sha256 })
  context.emit({ kind: 'recorded', stepId: step.id, name: step.saveAs, file })
}
