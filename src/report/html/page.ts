import { createHash } from 'node:crypto'
import { changeSection } from './changes.ts'
import { findingSection } from './findings.ts'
import { html, Markup } from './html.ts'
import { matrixSection } from './matrix.ts'
import { outageSection } from './outages.ts'
import { provenance } from './provenance.ts'
import { rejectSection } from './rejects.ts'
import type { ReportData } from './report-data.ts'
import { style } from './style.ts'
import { summary } from './summary.ts'
import { timelineSection } from './timeline.ts'

const contents = [
  ['story', 'How it went'],
  ['outages', 'What was interrupted'],
  ['connectivity', 'Who reaches whom'],
  ['rejects', 'Refused packets'],
  ['findings', 'What was found'],
  ['changes', 'Every change'],
] as const

/** Nothing but the page's own style is obeyed, and nothing is fetched: what slipped in would have no effect. */
const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'`

/** One file that needs nothing else: no script, no font, no picture from anywhere. */
export function reportPage(data: ReportData): string {
  const { text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${data.plan.cluster}: run ${data.runId}</title>
<style>${new Markup(style)}</style>
</head>
<body>
${summary(data)}
<nav aria-label="Contents"><ol>${contents.map(([id, title]) => html`<li><a href="#${id}">${title}</a></li>`)}</ol></nav>
<main>
${timelineSection(data)}
${outageSection(data)}
${matrixSection(data)}
${rejectSection(data)}
${findingSection(data)}
${changeSection(data)}
</main>
${provenance(data)}
</body>
</html>
`
  return text
}
