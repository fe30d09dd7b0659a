/** Whether a quoted text is still open at the end, given whether one was at the start. */
export function endsInQuotes(text: string, open = false): boolean {
  if (!open && !text.includes('"')) return false
  let inside = open
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === '"') inside = !inside
    else if (inside && char === '\\') at++
  }
  return inside
}

/** A run of what is no blank: bare characters and quoted texts, in any mixture; a quote may be left open at the end. */
const word = /(?:[^\s"]+|"(?:[^"\\]|\\[\s\S])*(?:"|\\?$))+/g

/**
 * Splits a rule as iptables-restore does: blanks separate, `"` quotes, and a backslash inside quotes takes the next character
 * as it is. A quoted word may hold line breaks: iptables accepts them in comments and prints them raw.
 */
export function splitWords(text: string): string[] {
  return (text.match(word) ?? []).map((one) =>
    one.includes('"')
      ? one.replace(/"((?:[^"\\]|\\[\s\S])*)(?:"|\\?$)/g, (_, inside: string) => inside.replace(/\\([\s\S])/g, '$1'))
      : one,
  )
}
