import { expect, test } from 'vitest'
import { diagnose } from '../../src/diagnosis/diagnose.ts'
import { diagnosisJson, diagnosisReportSchema } from '../../src/report/diagnosis-json.ts'
import { diagnosisText, figureValue } from '../../src/report/diagnosis-text.ts'
import { causes } from '../diagnosis/support/causes.ts'
import { healthy } from '../diagnosis/support/evidence.ts'

const plain = { colour: false, width: 80 }

test.each(Object.entries(causes))('%s: 80 columns, but for what is to be copied', (_, make) => {
  const lines = diagnosisText(diagnose(make()), plain)
  const wide = lines.filter((line) => line.length > 80)
  expect(wide.filter((line) => !/^ +\$ /.test(line))).toEqual([])
  expect(lines[0]).toMatch(/^1\. /)
})

test('most likely first, then figures, points, what would disprove it, what to do, and its source', () => {
  const text = diagnosisText(diagnose(causes['reject-gap']?.() ?? healthy()), plain).join('\n')
  const order = ['certain', 'where', 'Figures', 'Points', 'It is not this, if', 'What to do', 'source']
  const places = order.map((word) => text.indexOf(word))
  expect(places).toEqual(places.toSorted((a, b) => a - b))
  expect(places.every((place) => place > 0)).toBe(true)
  expect(text).toMatch(/attempts of the affected pairs that failed +30 % +\d/)
})

test('nothing found is said, and what could not be told is not left out', () => {
  expect(diagnosisText({ diagnoses: [], notMeasured: ['pods of n3'] }, plain)).toEqual([
    'No rule sees its cause in this evidence.',
    '',
    'Not measured',
    '  -  pods of n3',
  ])
})

test('what a pod calls itself does not drive the terminal', () => {
  const evidence = causes['process-specific']?.() ?? healthy()
  for (const network of evidence.podNetworks) network.multicastGroups = ['\u001b[2J\u202e', 'a\nb']
  const text = diagnosisText(diagnose(evidence), plain).join('\n')
  expect(text).not.toContain('\u001b')
  expect(text).not.toContain('\u202e')
  expect(text).toContain('\\x1b[2J\\u202e')
})

test.each([
  [{ value: 5_160, unit: 'ms' }, '5.2 s'],
  [{ value: 39.16, unit: '%' }, '39.2 %'],
  [{ value: 1, unit: 'packets' }, '1 packet'],
  [{ value: 12_345, unit: 'rules' }, '12,345 rules'],
  [{ value: 9, unit: '/min' }, '9/min'],
  [{ value: 0, unit: 'count' }, '0'],
] as const)('%j is read as %s', (figure, text) => {
  expect(figureValue(figure)).toBe(text)
})

test('JSON has the form that is published', () => {
  for (const make of [healthy, ...Object.values(causes)]) {
    const evidence = make()
    const report: unknown = JSON.parse(diagnosisJson(evidence, diagnose(evidence)))
    expect(diagnosisReportSchema.parse(report)).toEqual(report)
  }
})
