import { diagnose } from '../diagnosis/diagnose.ts'
import { processInterrupts } from '../engine/interrupts.ts'
import { takeLocks } from '../engine/lock.ts'
import type { Inventory } from '../inventory/schema.ts'
import { controlledTest, lockName, putBack, type TestResult } from '../operations/controlled-test.ts'
import { controlledTestJson, controlledTestText, stageText } from '../report/controlled-test-report.ts'
import { diagnosisText } from '../report/diagnosis-text.ts'
import { printedJson } from '../visible.ts'
import type { ControlledTestFlags } from './controlled-test-options.ts'
import { gatherShown } from './gathering.ts'
import type { CommonOptions } from './options.ts'
import { type Cluster, locksFor, openForTest, systemClock } from './session.ts'

/** Resumes what a test has left. */
export async function restore(inventory: Inventory, { json, terminal }: CommonOptions): Promise<void> {
  await using cluster = openForTest(inventory, terminal)
  const locks = await takeLocks(await locksFor(inventory, cluster, lockName))
  try {
    const names = await putBack(cluster.kube, serversOf(inventory, cluster))
    if (json) process.stdout.write(printedJson({ kind: 'restored', cronJobs: names }))
    else process.stdout.write(`${stageText({ stage: 'resumed', names })}\n`)
  } finally {
    await locks.release()
  }
}

const serversOf = (inventory: Inventory, { nodes }: Cluster) =>
  inventory.nodes.filter(({ role }) => role === 'server').map(({ name }) => nodes.get(name))

/** Watches, suspends the CronJobs, watches again, and shows how that compares. */
export async function testShown(
  inventory: Inventory,
  options: CommonOptions,
  flags: ControlledTestFlags,
  cronJobs: readonly string[],
): Promise<void> {
  using interrupts = processInterrupts(process)
  await using cluster = openForTest(inventory, options.terminal)
  const locks = await takeLocks(await locksFor(inventory, cluster, lockName))
  try {
    const result = await controlledTest({
      kube: cluster.kube,
      servers: serversOf(inventory, cluster),
      clock: systemClock,
      cronJobs,
      forMs: flags.for,
      watch: (again) =>
        again
          ? gatherShown(inventory, options, { ...flags, duration: flags.for }, again)
          : gatherShown(inventory, options, flags),
      stop: interrupts.stop,
      tell: (stage) => {
        if (!options.json) process.stderr.write(`${stageText(stage)}\n`)
      },
    })
    show(options, result)
  } finally {
    await locks.release()
  }
}

function show({ json, terminal }: CommonOptions, result: TestResult): void {
  if (json) {
    process.stdout.write(controlledTestJson(result))
    return
  }
  const lines = [...diagnosisText(diagnose(result.before), terminal), '', ...controlledTestText(result, terminal)]
  process.stdout.write(`${lines.join('\n')}\n`)
}
