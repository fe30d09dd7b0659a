/** One cell: plain text of one line or more, and how it is coloured after it was laid out (colour codes would spoil the widths). */
export interface Cell {
  text: string
  style?: (text: string) => string
}

/** Breaks text at its ends of lines, and these at spaces into lines of at most `width`; a longer word is cut. */
export function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap((line) => wrapLine(line, width))
}

function wrapLine(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ').flatMap((part) => cut(part, width))) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

function cut(word: string, width: number): string[] {
  if (word.length <= width) return [word]
  return Array.from({ length: Math.ceil(word.length / width) }, (_, i) => word.slice(i * width, (i + 1) * width))
}

/**
 * Aligned columns, two spaces apart, within `width` characters. When the rows are too wide, the widest columns give
 * way and their cells are wrapped.
 * @param rows all of the same length; each of their lines must be visible text (visible.ts).
 */
export function table(rows: readonly (readonly (Cell | string)[])[], width: number): string[] {
  return tableRows(rows, width).flat()
}

/** The same, the lines of each row by themselves. */
export function tableRows(rows: readonly (readonly (Cell | string)[])[], width: number): string[][] {
  const cells = rows.map((row) => row.map((cell): Cell => (typeof cell === 'string' ? { text: cell } : cell)))
  const longest = (parts: string[]) => Math.max(...parts.map((part) => part.length))
  const widths = narrow(
    columnWidths(cells, (text) => longest(text.split('\n'))),
    columnWidths(cells, (text) => Math.min(longest(text.split(/[ \n]/)), 40)),
    width,
  )
  return cells.map((row) => {
    const wrapped = row.map((cell, column) => wrap(cell.text, widths[column] ?? 1))
    const height = Math.max(...wrapped.map((lines) => lines.length))
    return Array.from({ length: height }, (_, lineIndex) =>
      row
        .map((cell, column) => {
          const text = wrapped[column]?.[lineIndex] ?? ''
          const padding = column === row.length - 1 ? '' : ' '.repeat((widths[column] ?? 0) - text.length)
          return `${text !== '' && cell.style ? cell.style(text) : text}${padding}`
        })
        .join('  ')
        .trimEnd(),
    )
  })
}

function columnWidths(rows: readonly (readonly Cell[])[], widthOf: (text: string) => number): number[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 1, widthOf(cell.text))
  }
  return widths
}

/** Takes from the widest column that can still give, until the row fits or none can. */
function narrow(widths: readonly number[], least: readonly number[], width: number): number[] {
  const narrowed = [...widths]
  const tooWide = () => narrowed.reduce((sum, w) => sum + w, 0) + 2 * (narrowed.length - 1) > width
  while (tooWide()) {
    const spare = narrowed.map((w, column) => (w > (least[column] ?? 1) ? w : 0))
    const widest = Math.max(...spare)
    if (widest === 0) break
    const column = spare.indexOf(widest)
    narrowed[column] = widest - 1
  }
  return narrowed
}
