import { html, type Markup, type Part } from './html.ts'

export interface Column {
  title: string
  /** Aligned at the right, in figures of one width. */
  isNumber?: true
}

/** A table in a box of its own that scrolls when it is wide. The first cell of a row is its heading. */
export function htmlTable(caption: string, columns: readonly Column[], rows: readonly (readonly Part[])[]): Markup {
  const kind = (index: number) => (columns[index]?.isNumber ? 'number' : 'text')
  const cells = (row: readonly Part[]) =>
    row.map((part, index) =>
      index === 0
        ? html`<th scope="row" class="${kind(index)}">${part}</th> `
        : html`<td class="${kind(index)}">${part}</td> `,
    )
  return html`<div class="scroll" tabindex="0" role="group" aria-label="${caption} (table)"><table>
<caption>${caption}</caption>
<thead><tr>${columns.map(({ title }, index) => html`<th scope="col" class="${kind(index)}">${title}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${cells(row)}</tr>\n`)}</tbody>
</table></div>`
}
