/** A word of a rule, and whether the text ended inside of a quoted one. */
interface Scan {
  words: string[]
  open: boolean
}

/**
 * Splits a rule as iptables-restore does: blanks separate, `"` quotes, and a backslash inside quotes takes the next character
 * as it is. A quoted word may hold line breaks: iptables accepts them in comments and prints them raw.
 */
export function scanWords(text: string): Scan {
  const words: string[] = []
  let word: string | null = null
  let open = false
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at)
    if (open && char === '\\' && at + 1 < text.length) {
      word = (word ?? '') + text.charAt(++at)
    } else if (char === '"') {
      open = !open
      word ??= ''
    } else if (!open && /\s/.test(char)) {
      if (word !== null) words.push(word)
      word = null
    } else {
      word = (word ?? '') + char
    }
  }
  if (word !== null) words.push(word)
  return { words, open }
}
