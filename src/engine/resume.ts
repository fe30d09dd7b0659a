import { goForward, type RunEnd } from './execute.ts'
import { rollBack } from './rollback.ts'
import type { RunContext } from './run-context.ts'
import { withSession } from './session.ts'

/** Carries on in the direction in which the run was going. One that is over is left as it is. Throws as execute. */
export async function resume<Facts, World>(context: RunContext<Facts, World>): Promise<RunEnd> {
  return await withSession(context, async (session) => {
    const { direction, rollbackTo } = session.state()
    if (direction === 'forward') return await goForward(session)
    await rollBack(session, rollbackTo)
    return 'rolled-back'
  })
}
