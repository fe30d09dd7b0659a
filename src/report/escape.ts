/**
 * Everything that could drive a terminal or change how a line reads: C0 and C1 controls (escape sequences begin with
 * one), DEL, marks that turn the direction of writing, invisible characters, line and paragraph separators, halves of
 * surrogate pairs.
 */
const unsafe =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udfff]/gu

function show(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (character === '\n') return '\\n'
  if (character === '\t') return '\\t'
  if (character === '\r') return '\\r'
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
}

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
