import fc from 'fast-check'
import { parseHTML } from 'linkedom'
import { expect, test } from 'vitest'
import { html } from '../../../src/report/html/html.ts'
import { visibleLines } from '../../../src/visible.ts'

test('whatever a text holds, it is text: in an element and in an attribute', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('</p><script>x</script>', '" onload="x', "' x='", '<!--', '&lt;', ']]>', '\u202e', '\u0000'),
  )
  fc.assert(
    fc.property(hostile, hostile, (text, value) => {
      const { document } = parseHTML(`<html><body>${html`<p title="${value}">${text}</p>`.text}</body></html>`)
      expect(document.body.children.length).toBe(1)
      const [p] = document.body.children
      expect(p?.children.length).toBe(0)
      expect(p?.textContent).toBe(visibleLines(text))
      expect(p?.getAttributeNames()).toEqual(['title'])
    }),
  )
})

test('markup, lists and nothing', () => {
  const items = ['a', '<b>'].map((item) => html`<li>${item}</li>`)
  expect(html`<ul>${items}${null}${3}</ul>`.text).toBe('<ul><li>a</li><li>&lt;b&gt;</li>3</ul>')
})
