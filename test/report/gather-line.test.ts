import { expect, test } from 'vitest'
import { gatherLine, gatherText } from '../../src/report/gather-line.ts'

const progress = { leftMs: 597_400, pairs: 62, attempts: 240, failures: 3, rejects: 12, reconciles: 2, churn: 9 }

test('one line of what is seen', () => {
  expect(gatherText(progress)).toBe(
    '9 min 57 s left, 62 pairs: 240 attempts, 3 failed, 12 rejects, 2 syncs, 9 changes (Ctrl-C keeps what was seen)',
  )
  expect(gatherText({ ...progress, leftMs: null })).toBe('looking at the cluster')
})

test('on a terminal it takes one line, however narrow', () => {
  const said: string[] = []
  const stream = { columns: 40, write: (text: string) => said.push(text) > 0 } as unknown as NodeJS.WriteStream
  gatherLine(stream, true, () => 0).show(progress)
  // What moves the cursor begins with an escape.
  expect(said.filter((text) => !text.startsWith('\u001b'))).toEqual([gatherText(progress).slice(0, 39)])
})

test('without a terminal: a line a minute, none of the preparations, and what a second Ctrl-C does', () => {
  const said: string[] = []
  const stream = { write: (text: string) => said.push(text) > 0 } as unknown as NodeJS.WriteStream
  let nowMs = 1000
  const line = gatherLine(stream, false, () => nowMs)
  line.show({ ...progress, leftMs: null })
  for (; nowMs < 131_000; nowMs += 2000) line.show(progress)
  line.ending()
  nowMs += 60_000
  line.show(progress)
  line.close()
  expect(said.pop()).toContain('Ctrl-C again ends at once')
  expect(said).toHaveLength(3)
  expect(said.every((text) => text.endsWith('\n') && !text.includes('\u001b'))).toBe(true)
})
