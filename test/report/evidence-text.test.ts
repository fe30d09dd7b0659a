import { expect, test } from 'vitest'
import { evidenceText } from '../../src/report/evidence-text.ts'
import { rejectGap } from '../diagnosis/support/causes.ts'
import { healthy, samples, series } from '../diagnosis/support/evidence.ts'

const text = (evidence: Parameters<typeof evidenceText>[0]) => evidenceText(evidence, 100).join('\n')
/** The lines under a heading. */
const part = (all: string, heading: string) => (all.split(`\n${heading}\n`)[1] ?? '').split('\n\n')[0] ?? ''

test('a healthy cluster: how long, of what, and that nothing failed within what could be told', () => {
  const all = text(healthy())
  expect(all).toMatch(/^lab: 4 nodes watched for 1 min, from 10:00:00 UTC to 10:01:00 UTC\.$/m)
  expect(part(all, 'Connections')).toMatch(/^ {2}cross-node +\d+ +\d+ +0 % +0 % to [\d.]+ %$/m)
  expect(part(all, 'Connections')).toMatch(/^ {2}denied by policy +2 +240 +0 worked$/m)
  expect(all).not.toContain('Failed although')
  expect(all).not.toContain('Worked although')
})

test('failures are named by pair, the worst first, with how they ended and in how many bursts', () => {
  const all = text(rejectGap())
  const failed = part(all, 'Failed although no policy denies them')
  const shares = [...failed.matchAll(/([\d.]+) % of 120/g)].map(([, share]) => Number(share))
  expect(shares.length).toBeGreaterThan(0)
  expect(shares).toEqual(shares.toSorted((a, b) => b - a))
  expect(failed).toMatch(/refused \d+/)
  expect(failed.replaceAll(/\s+/g, ' ')).toMatch(/in bursts \(p (<|=) 0\.\d+ by chance\)/)
  expect(part(all, 'Refused by kube-router, by pod')).toMatch(/\d+ packets +\d+ an hour +95 % between \d+ and \d+/)
  expect(part(all, 'Rules written anew')).toMatch(/\d+ times/)
  for (const line of all.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
})

test('a denied pair that worked is named; names are capped; what a pod calls itself drives no terminal', () => {
  const evidence = healthy()
  const ends = (index: number) => ({ from: `a/x-${index}\u001b[2J`, fromNode: 's1', to: 'b/y', toNode: 's2' })
  for (let index = 0; index < 13; index++) {
    evidence.series.push(series(ends(index), () => [1, 'ok'], { allowed: false }))
  }
  const all = text(evidence)
  const opened = part(all, 'Worked although policies deny them')
  expect(opened).toContain('and 3 more')
  expect(opened).toContain('\\x1b[2J')
  expect(all).not.toContain('\u001b')
})

test('what was not measured is said, and rejects of a node that could not be asked are not zero', () => {
  const evidence = healthy()
  evidence.rejects = [samples('s1', { problem: 'no iptables' })]
  evidence.notMeasured = ['rejects on s1: no iptables']
  const all = text(evidence)
  expect(part(all, 'Not measured')).toContain('rejects on s1: no iptables')
  expect(part(all, 'Rules written anew')).toMatch(/s1 +not seen/)
})
