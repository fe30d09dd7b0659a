import { visibleLines } from '../../visible.ts'

/** Markup that may stand in a page as it is. Made by `html`, in which everything that is not markup is escaped. */
export class Markup {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export type Part = Markup | string | number | null | readonly Part[]

/**
 * A piece of a page. What is put into it is text, whoever wrote it: escaped for elements and for attributes in quotes, and
 * with everything invisible spelt out. null is nothing, a list is its parts one after the other.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(strings.reduce((done, text, index) => done + textOf(parts[index - 1] ?? null) + text))
}

function textOf(part: Part): string {
  if (part === null) return ''
  if (part instanceof Markup) return part.text
  if (typeof part === 'object') return part.map(textOf).join('')
  return escaped(String(part))
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return visibleLines(text).replace(/[&<>"']/g, (character) => entities[character] ?? character)
}
