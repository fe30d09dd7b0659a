import { html, type Markup } from './html.ts'

/** Says what is missing in the report, and how to get it. */
export function notMeasured(what: string, how: string, command: string | null = null): Markup {
  return html`<p class="missing"><strong>${what}</strong> ${how}${command === null ? null : html` <code>${command}</code>`}</p>`
}
