import { createHash } from 'node:crypto'
import { parseHTML } from 'linkedom'
import { expect, test } from 'vitest'
import type { JournalEntry, JournalRecord } from '../../../src/engine/records.ts'
import { reportPage } from '../../../src/report/html/page.ts'
import type { ReportData } from '../../../src/report/html/report-data.ts'
import { measuredRun, recordedRun } from './report-fixture.ts'

type Page = ReturnType<typeof parseHTML>['document']
const documents = new Map<ReportData, Page>()
/** Only read: the same data is the same document. */
function documentOf(data: ReportData): Page {
  const document = documents.get(data) ?? parseHTML(reportPage(data)).document
  documents.set(data, document)
  return document
}
const textOf = (data: ReportData, selector: string) =>
  documentOf(data).querySelector(selector)?.textContent?.replaceAll(/\s+/g, ' ') ?? ''

test('nothing is fetched and nothing runs: the page has only its own style, and forbids the rest to itself', () => {
  const page = reportPage(measuredRun)
  const { document } = parseHTML(page)
  expect(document.querySelectorAll('script, link, img, iframe, object, embed, form, base').length).toBe(0)
  const attributes = [...document.querySelectorAll('*')].flatMap((element) => [...element.attributes])
  const names = new Set(attributes.map(({ name }) => name.toLowerCase()))
  expect(
    [...names].filter((name) => name.startsWith('on') || ['src', 'style', 'srcset', 'action'].includes(name)),
  ).toEqual([])
  const links = attributes.filter(({ name }) => /href$/i.test(name)).map(({ value }) => value)
  expect(links.filter((link) => !/^#[a-z]+$/.test(link))).toEqual([])
  const [style, ...others] = document.querySelectorAll('style')
  expect(others).toEqual([])
  expect(style?.textContent).not.toMatch(/url\(|@import|@font-face/)
  const hash = createHash('sha256')
    .update(/<style>(.*)<\/style>/s.exec(page)?.[1] ?? '')
    .digest('base64')
  const policy = document.querySelector('meta[http-equiv]')?.getAttribute('content') ?? ''
  expect(policy).toContain(`default-src 'none'; style-src 'sha256-${hash}'`)
})

test('the run that was recorded: its figures', () => {
  expect(textOf(recordedRun, '.outcome')).toBe('Finished')
  expect(textOf(recordedRun, '.key')).toMatch(
    /Took 1 min 35 s 37 steps, 58 changes done; nobody was at it for 3.8 s more/,
  )
  expect(textOf(recordedRun, '.key')).toMatch(/Kubernetes API away 4\.4 s announced: at most 1 min/)
  expect(textOf(recordedRun, '.key')).toMatch(/Longest between pods 5\.5 s 16 of 18 pairs were interrupted; all back/)
  expect(textOf(recordedRun, '.key')).toMatch(/Pairs that still connect 33 of 33 0 lost, 0 opened, of 60 tried/)
  expect(textOf(recordedRun, '#story figcaption')).toMatch(
    /59 changes on 4 nodes and in the API.*killed once and resumed/,
  )
  expect(textOf(recordedRun, '#connectivity figcaption')).toMatch(/Refused at once before and timing out now: 10/)
  expect(textOf(recordedRun, '#findings')).toMatch(/The run’s own checks: 36 fine/)
})

test('every change is there, with its whole diff', () => {
  const document = documentOf(recordedRun)
  const changing = recordedRun.plan.steps.filter(({ tasks }) => tasks.length > 0)
  expect(document.querySelectorAll('#changes details.step').length).toBe(changing.length)
  const shown = [...document.querySelectorAll('#changes pre')].map((pre) => pre.textContent)
  for (const { after } of changing.flatMap(({ tasks }) => tasks.flatMap(({ rendering }) => rendering.diffs ?? [])))
    for (const line of (after ?? '').split('\n').filter((one) => one !== ''))
      expect(
        shown.some((text) => text?.includes(line)),
        line,
      ).toBe(true)
})

test('every picture has a text alternative and a table behind it', () => {
  const document = documentOf(measuredRun)
  const figures = [...document.querySelectorAll('figure')]
  expect(figures.length).toBe(4)
  for (const figure of figures) {
    expect(figure.querySelectorAll('details.numbers tbody tr').length).toBeGreaterThan(0)
    for (const svg of figure.querySelectorAll('svg')) {
      expect(svg.getAttribute('role')).toBe('img')
      expect(svg.getAttribute('aria-label')?.length).toBeGreaterThan(60)
    }
  }
})

test('what was not measured is said, with the command that would', () => {
  const bare: ReportData = { ...recordedRun, before: null, after: null, pairs: [] }
  expect(textOf(bare, '#outages')).toMatch(/was not measured\. The step “measure” of a run does it/)
  expect(textOf(bare, '#connectivity')).toMatch(/was not measured.*migrate baseline --duration 10m/)
  expect(textOf(bare, '#rejects')).toMatch(/were not measured over a time.*Nor were they after it/)
  expect(textOf(bare, '#findings')).toMatch(/not diagnosed.*migrate diagnose --duration 60s/)
  expect(documentOf(bare).querySelectorAll('figure').length).toBe(1)
})

test('with evidence of before and after: rates with intervals, causes with their numbers, pairs that got better', () => {
  expect(textOf(measuredRun, '.key')).toMatch(/Refused packets an hour 2148 → 0/)
  expect(textOf(measuredRun, '#rejects figcaption')).toMatch(/358 packets, 2148 an hour \(95 %: \d+ to \d+\)/)
  expect(textOf(measuredRun, '#connectivity figcaption')).toMatch(/0 are worse, 14 better/)
  expect(textOf(measuredRun, '.finding')).toMatch(/2112 \/h.*1830 to 2400 \/h/)
  expect(textOf(measuredRun, '.finding')).toMatch(/\? unknown variant B/)
  expect(textOf(measuredRun, '#findings')).toMatch(/After: nothing was found/)
})

test('what a node, a pod or a plan says is text on the page, whatever it says', () => {
  const evil = '</title></svg></style></pre><script>alert(1)</script><img src=x onerror=alert(1)> "\u202e\u001b[2J'
  const everywhere = <T>(value: T): T =>
    JSON.parse(JSON.stringify(value), (key, one: unknown) =>
      typeof one === 'string' &&
      /^(title|why|error|detail|summary|what|subject|after|from|to|id|pod|claim|figure|text|manifest|operator|cluster)$/.test(
        key,
      )
        ? `${one}${evil}`
        : one,
    )
  const page = reportPage(everywhere(measuredRun))
  const { document } = parseHTML(page)
  expect(document.querySelectorAll('script, img, [onerror]').length).toBe(0)
  expect(document.querySelectorAll('section').length).toBe(6)
  expect(page).not.toMatch(/[\u202e\u001b]/)
  expect(page).toContain('\\u202e\\x1b[2J')
})

const later = (seq: number, atMs: number, record: JournalRecord): JournalEntry => ({
  ...{ seq, prev: '0'.repeat(64), time: new Date(atMs).toISOString() },
  ...record,
})

test('a run that failed is not told as one that went well', () => {
  const until = recordedRun.journal.slice(0, 167)
  const last = until.at(-1)
  if (last?.kind !== 'intent') throw new Error('the fixture ends otherwise')
  const { taskId, stepId, target, seq } = last
  const failed = later(167, Date.parse(last.time) + 9_000, {
    ...{ kind: 'failed', taskId, stepId, target, intent: seq, error: 'no sandbox after 10 min', inDoubt: false },
  })
  const data = { ...recordedRun, journal: [...until, failed], after: null }
  expect(textOf(data, '.outcome')).toBe('Unfinished')
  expect(textOf(data, '#story')).toMatch(/1 failed\./)
  expect(textOf(data, '#story')).toMatch(/s2: Recreate every pod.*: failed: no sandbox after 10 min/)
  expect(textOf(data, '#changes')).toMatch(/1 done, 1 failed, 2 not begun/)
})

test.each([1, 2, 28, 112, 167, 168, 200])('a run that came as far as record %i has a report', (count) => {
  const data = { ...recordedRun, journal: recordedRun.journal.slice(0, count), after: null }
  expect(textOf(data, '.outcome')).toMatch(/^Unfinished/)
  expect(reportPage(data)).not.toMatch(/NaN|undefined|Invalid/)
})

test('of a pair that was interrupted before the run too that is said', () => {
  const interrupted = recordedRun.pairs.find(({ outages }) => outages.length > 0)
  const beforehand = interrupted ? [interrupted.id] : []
  const page = reportPage({ ...recordedRun, beforehand })
  expect(page).toContain('was interrupted before the run too')
  expect(page).toContain('pairs were interrupted, 1 of them before the run too;')
  expect(reportPage(recordedRun)).not.toContain('before the run too')
})
