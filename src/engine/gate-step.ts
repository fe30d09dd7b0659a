import { BlockedError, InputError, MigrateError } from '../errors.ts'
import { messageOf } from './effect.ts'
import { JournalFailure } from './journal-failure.ts'
import { type Finding, type GateStep, isInTheWay, type PlannedStep } from './model.ts'
import { type Session, stopHere } from './session.ts'

/** Between two looks; reading takes its own time on top. */
const pollMs = 1000

/** Looks until nothing blocks. BlockedError with what still stands in the way when `timeoutMs` is over. */
export async function runGate<Facts, World>(
  session: Session<Facts, World>,
  planned: PlannedStep,
  step: GateStep<Facts>,
): Promise<void> {
  const { context, journal } = session
  const { clock, interrupts } = context
  const deadlineMs = clock.nowMs() + step.timeoutMs
  const records = await loadRecords(session)
  for (;;) {
    const findings = await look(session, step, records)
    const inTheWay = findings.filter(isInTheWay)
    if (inTheWay.length === 0) {
      await journal.append({ kind: 'gate-passed', stepId: step.id, findings: [...findings] })
      context.emit({ kind: 'gate-passed', stepId: step.id, findings })
      return
    }
    const remainingMs = deadlineMs - clock.nowMs()
    if (remainingMs <= 0) throw blocked(planned, inTheWay)
    context.emit({ kind: 'gate-waiting', stepId: step.id, remainingMs, findings })
    if (!interrupts.stop.aborted) {
      // Nothing is in hand while waiting, so the first Ctrl-C ends it at once.
      await clock.sleep(Math.min(pollMs, remainingMs), interrupts.stop).catch((error: unknown) => {
        if (!interrupts.stop.aborted) throw error
      })
    }
    if (interrupts.stop.aborted) await stopHere(session, `stopped while waiting: ${planned.title}`, planned)
  }
}

/** What cannot be read is not fine: it is waited for like anything else that is not so yet. */
async function look<Facts, World>(
  session: Session<Facts, World>,
  step: GateStep<Facts>,
  records: Readonly<Record<string, Facts>>,
): Promise<readonly Finding[]> {
  try {
    session.facts = await session.context.reader.read(step.reads, step.targets ?? 'all', session.facts)
  } catch (error) {
    // Only what was foreseen: anything else is a defect, and waiting would hide it.
    if (!(error instanceof MigrateError) || error instanceof InputError || error instanceof JournalFailure) throw error
    const { host } = error.context
    const target = host === undefined ? {} : { target: host }
    return [{ level: 'unknown', title: 'facts could not be read', detail: messageOf(error), ...target }]
  }
  return step.check(session.facts, records)
}

async function loadRecords<Facts, World>(session: Session<Facts, World>): Promise<Record<string, Facts>> {
  const saved = [...session.state().records.values()]
  const loaded = await Promise.all(
    saved.map(async ({ name, file, sha256 }) => [name, await session.context.records.load(file, sha256)] as const),
  )
  // Checked against the digest in the journal: it is what record-step.ts wrote.
  return Object.fromEntries(loaded) as unknown as Record<string, Facts>
}

function blocked(planned: PlannedStep, findings: readonly Finding[]): BlockedError {
  const lines = findings.map(({ title, target, detail, fix }) => {
    const where = target === undefined ? '' : `${target}: `
    return `  ${where}${title}: ${detail}${fix === undefined ? '' : ` (${fix})`}`
  })
  return new BlockedError(`${planned.title}: blocked\n${lines.join('\n')}`, {
    step: planned.stepId,
    next: 'mend what stands in the way, then: migrate resume (or: migrate rollback)',
  })
}
