/**
 * Everything that could drive a terminal or change how a line reads: controls (escape sequences begin with one), marks
 * that turn the direction of writing, what is not drawn at all, line and paragraph separators, halves of surrogate pairs.
 */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\t': '\\t', '\r': '\\r' }

function show(character: string): string {
  const code = character.codePointAt(0) ?? 0
  // A byte that was not UTF-8 (nodes/text.ts).
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code & 0xff).toString(16)}`
  if (code > 0xffff) return `\\u{${code.toString(16)}}`
  return named[character] ?? (code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`)
}

const hex = (code: number, digits: number) => code.toString(16).padStart(digits, '0')

/** Text from a node, the API or a file, made fit for one line of a terminal: what cannot be seen is spelt out. */
export function visible(text: string): string {
  return text.replace(unsafe, show)
}

/** The same for text of several lines: line breaks stay, and tabs become spaces. */
export function visibleLines(text: string): string {
  return text
    .split('\n')
    .map((line) => visible(line.replaceAll('\t', '    ')))
    .join('\n')
}

/** JSON for a program, with a line break at its end, that is harmless on a terminal too and reads back as the same value. */
export function printedJson(value: unknown, indent = 0): string {
  const escaped = (found: string) => found.replace(/[\s\S]/g, (unit) => `\\u${hex(unit.charCodeAt(0), 4)}`)
  const text = JSON.stringify(value, null, indent)
  // JSON itself spells out what is below a blank inside of texts: a line break is one of the layout.
  return `${text.replace(unsafe, (found) => (found === '\n' ? found : escaped(found)))}\n`
}
