import { expect, test } from 'vitest'
import type { Finding } from '../../src/engine/model.ts'
import { preflightJson, preflightSchema } from '../../src/report/preflight-json.ts'
import { preflightText } from '../../src/report/preflight-text.ts'

const findings: Finding[] = [
  { level: 'fine', title: 'the clocks agree', detail: '3 ms' },
  { level: 'fine', title: 'the kernel fits', target: 's3', detail: '6.1' },
  { level: 'warns', title: 'a timer', target: 's1', detail: 'apt is active', fix: 'stop it' },
  { level: 'warns', title: 'a timer', target: 's2', detail: 'apt is active', fix: 'stop it' },
  { level: 'unknown', title: 'ping', detail: 'there is none', fix: 'try', atWorst: 'warns' },
  { level: 'unknown', title: 'the tunnel', detail: 'nobody answered', fix: 'try' },
  { level: 'blocks', title: 'the kernel fits', target: 's1', detail: 'it is \u001b[2J4.4', fix: 'update it' },
]
const text = (found: readonly Finding[], width = 60) => preflightText(found, { colour: false, width })

test('what stands in the way first, what is fine last; what is the same on several nodes once', () => {
  expect(text(findings)).toEqual([
    'Blocks (1)',
    '  s1  the kernel fits',
    '      it is \\x1b[2J4.4',
    '      To do: update it',
    '',
    'Could not be told (2)',
    '  cluster  ping',
    '           there is none (does not stand in the way)',
    '           To do: try',
    '  cluster  the tunnel',
    '           nobody answered',
    '           To do: try',
    '',
    'Warns (1)',
    '  s1 s2  a timer',
    '         apt is active',
    '         To do: stop it',
    '',
    'Fine (1)',
    '  the clocks agree',
    '',
    'Blocked by 2: nothing can be run before that is mended.',
  ])
})

test('the last line says how it stands', () => {
  const last = (found: readonly Finding[]) => text(found).at(-1)
  expect(last(findings.filter(({ level }) => level === 'fine'))).toBe('Nothing stands in the way.')
  expect(last(findings.filter(({ level }) => level === 'warns'))).toBe('Nothing stands in the way; read the warning.')
  expect(last(findings.filter(({ atWorst }) => atWorst === 'warns'))).toBe('Nothing stands in the way.')
  expect(last([])).toBe('Nothing to check: the cluster is already as the runbook wants it.')
})

test('no line is wider than the terminal', () => {
  const long = findings.map((finding) => ({ ...finding, detail: 'word '.repeat(60).trim() }))
  for (const line of text(long, 50)) expect(line.length).toBeLessThanOrEqual(50)
})

test('the JSON is of its schema, and says whether a run would be refused', () => {
  expect(preflightSchema.parse(JSON.parse(JSON.stringify(preflightJson('home', findings))))).toMatchObject({
    blocked: true,
  })
  expect(preflightJson('home', findings.slice(0, 5)).blocked).toBe(false)
})
