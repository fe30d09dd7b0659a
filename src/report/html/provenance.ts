import { shortDigest } from '../plan-summary.ts'
import { html, type Markup, type Part } from './html.ts'
import type { ReportData } from './report-data.ts'
import { dateAndTime } from './times.ts'

/** Where every number on the page comes from, so that it can be looked at again. */
export function provenance({ plan, journal, runDir, baseline, verification, toolVersion, madeAt }: ReportData): Markup {
  const rows: [string, Part][] = [
    ['Run', html`<code>${runDir}</code>`],
    ['Journal', `${journal.length} records, each chained to the one before by digest; the chain was checked`],
    [
      'Plan',
      `${plan.id}, made ${dateAndTime(Date.parse(plan.createdAt))} UTC by migrate ${plan.toolVersion}; changes ${shortDigest(plan.changesDigest)}, facts ${shortDigest(plan.factsDigest)}, inventory ${shortDigest(plan.inventoryDigest)}`,
    ],
    ['Before', baseline === null ? 'what the run recorded; no baseline' : html`<code>${baseline.file}</code>`],
    [
      'After',
      verification === null
        ? 'what the run recorded; nothing was measured after it'
        : html`<code>${verification.file}</code>`,
    ],
    ['This report', `made ${dateAndTime(Date.parse(madeAt))} UTC by migrate ${toolVersion}`],
  ]
  return html`<footer><h2>Where this comes from</h2>
<dl>${rows.map(([name, value]) => html`<dt>${name}</dt> <dd>${value}</dd>`)}</dl></footer>`
}
