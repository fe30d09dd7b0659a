import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { readPlanFile } from '../../../src/engine/plan-file.ts'
import { parseFacts } from '../../../src/facts/parse-facts.ts'
import type { Lab } from '../../../src/lab/lab.ts'
import { outagesOf } from '../../../src/probes/outage.ts'
import { endsOf } from '../../../src/probes/pair-allowed.ts'
import { attemptsOfNewestRun } from './migrate.ts'
import { journalFile } from './migrate-while.ts'

const record = z.looseObject({ time: z.string(), kind: z.string(), stepId: z.string().default('') })

/** When each step of a journal was under way, going forward or back. */
function stepTimes(journal: string): { stepId: string; fromMs: number; toMs: number }[] {
  const records = journal
    .trimEnd()
    .split('\n')
    .map((line) => record.parse(JSON.parse(line)))
  const begun = records.filter(({ kind }) => kind === 'step-started' || kind === 'undo-intent')
  return begun.map(({ stepId, time }, index) => ({
    stepId,
    fromMs: Date.parse(time),
    toMs: Date.parse(begun[index + 1]?.time ?? records.at(-1)?.time ?? time),
  }))
}

/** A probe that began before its target went may end after. */
const slackMs = 1_500

const pairId = /^(?<from>[^>]+)>(?<to>.+):(?<port>\d+)$/

/**
 * What the probing of the newest run, which went node by node, saw fail, and that is neither the restart of a pod at either end
 * while the wave of its node was moved, nor that of the server behind a connection to the API.
 */
export async function unexplainedOutages(lab: Lab): Promise<string[]> {
  const file = journalFile(lab) ?? ''
  const { plan, facts: planned } = await readPlanFile(join(dirname(file), 'plan.json'))
  const facts = parseFacts(planned, 'the facts of the run', '')
  const times = stepTimes(readFileSync(file, 'utf8'))

  /** The nodes that an attempt of this pair may end at. */
  function nodesOf(id: string): string[] {
    const { from = '', to = '', port } = pairId.exec(id)?.groups ?? {}
    const [, hostPortOf] = /^host-port:(.*)$/.exec(to) ?? []
    const ends = endsOf(facts, { from, to, port: Number(port) }) ?? []
    const ofPods = ends.flatMap((end) => (end.kind === 'pod' ? [end.pod.node ?? ''] : []))
    return hostPortOf === undefined ? ofPods : [...ofPods, hostPortOf]
  }
  const waveOf = (stepId: string): string[] => {
    const [, number] = /^pods-(?:way-back-)?(\d+)$/.exec(stepId) ?? []
    const step = number === undefined ? undefined : plan.steps.find((one) => one.stepId === `pods-${number}`)
    return step?.tasks.map(({ target }) => target) ?? []
  }
  const isMeant = (stepId: string, id: string) =>
    waveOf(stepId).some((node) => nodesOf(id).includes(node)) ||
    (id.includes('service:default/kubernetes') && /-servers(-back)?$/.test(stepId))

  return outagesOf(attemptsOfNewestRun(lab)).flatMap(({ id, outages }) =>
    outages.flatMap(({ startMs, lengthMs, outcomes }) => {
      const isIn = times.some(
        ({ stepId, fromMs, toMs }) => isMeant(stepId, id) && startMs >= fromMs - slackMs && startMs <= toMs + slackMs,
      )
      const step = times.findLast(({ fromMs }) => fromMs <= startMs)?.stepId
      return isIn ? [] : [`${id}: ${outcomes} for ${lengthMs} ms, in ${step}`]
    }),
  )
}
