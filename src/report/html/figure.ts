import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { visible } from '../../visible.ts'
import { html, Markup } from './html.ts'

/** Marks, scales and sizes of one picture; its colours are the variables of style.ts. */
export type Picture = Omit<Plot.PlotOptions, 'document' | 'className' | 'ariaLabel' | 'style' | 'title' | 'caption'>

export interface Figure {
  /** What it shows, in a few words. */
  title: string
  /** What is to be seen in it, in a sentence or two: for those who cannot see it, and for those who can. */
  says: string
  /** As wide as the page; or drawn twice, for a desk and for a phone. */
  picture: Picture | ((width: number) => Picture)
  /** What its colours and signs mean. */
  legend?: Markup
  /** The numbers behind it. */
  table: Markup
}

const wideWidth = 1100
const narrowWidth = 350

export const isNarrow = (width: number) => width <= narrowWidth

/** A picture as static SVG, with a text alternative and its numbers folded beneath. Wide ones scroll in their own box. */
export function figure({ title, says, picture, legend, table }: Figure): Markup {
  const alternative = `${title}. ${says}`
  const pictures =
    typeof picture === 'function'
      ? [draw(picture(wideWidth), alternative, 'wide'), draw(picture(narrowWidth), alternative, 'narrow')]
      : draw(picture, alternative, '')
  return html`<figure>
<figcaption><strong>${title}</strong> ${says}</figcaption>
${legend ?? null}
<div class="scroll" tabindex="0" role="group" aria-label="${title} (picture)">${pictures}</div>
<details class="numbers"><summary>The numbers behind it: ${lowerFirst(title)}</summary>
${table}</details>
</figure>`
}

/** Text in a picture that came from elsewhere goes through here: Plot escapes markup, not what cannot be seen. */
export const shownText = visible

/** A name for so many pixels. The middle gives way, because names differ at both ends. */
export function shortened(text: string, pixels: number): string {
  const shown = visible(text)
  // DejaVu Sans, the widest of the usual fonts, at 11 px.
  const length = Math.max(4, Math.floor(pixels / 7.3))
  if (shown.length <= length) return shown
  const head = Math.ceil((length - 1) / 2)
  return `${shown.slice(0, head)}…${shown.slice(shown.length - (length - 1 - head))}`
}

function draw(picture: Picture, alternative: string, forWhom: 'wide' | 'narrow' | ''): Markup {
  const { document } = parseHTML('<!doctype html><html lang="en"></html>')
  const svg = Plot.plot({ ...picture, document, className: 'plot', ariaLabel: visible(alternative) })
  svg.setAttribute('role', 'img')
  svg.setAttribute('class', `plot ${forWhom}`.trimEnd())
  // Plot's own style element says what style.ts says; without it, the page needs no other style than its own.
  for (const style of svg.querySelectorAll('style')) style.remove()
  // One picture, one name: groups of marks have none that a reader could use.
  for (const group of svg.querySelectorAll('g')) group.removeAttribute('aria-label')
  return new Markup(svg.outerHTML)
}

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1)
