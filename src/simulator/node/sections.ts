/** What one command of a fact script says on a simulated node: its output, or its exit code. */
export type SectionText = string | { code: number }

/** Framed as the prelude's `emit` does (facts/prelude.ts). */
export function framed(sections: readonly (readonly [string, SectionText])[]): string {
  const lines = sections.flatMap(([name, said]) => {
    const [code, text] = typeof said === 'string' ? [0, said] : [said.code, '']
    return [`@@ ${name}`, Buffer.from(text).toString('base64'), `@= ${code}`, '@.']
  })
  return [...lines, '@end', ''].join('\n')
}
