const light = `  --paper: #ffffff; --ink: #1b1f24; --quiet: #5a636e; --line: #e3e6ea; --axis: #9aa3ad; --cell: #f6f7f9; --raised: #f6f7f9;
  --link: #0b5fa5;
  --done: #4a90c4; --undone: #b978a2; --doubt: #e0a100; --doubt-ink: #8a6100; --bad: #b3400a; --check: #a9b1ba;
  --good: #0b66a8; --refused: #b3400a; --away: #dd6b1f; --reject: #dd6b1f; --band: #e2e9f1; --pause: #ece7dc; --gap: #dfe3e8;
  --worse: #fbe0d2; --better: #d6e9f8;
  --added: #e0f0fb; --added-ink: #0a4a7d; --removed: #fdeadd; --removed-ink: #8a3206;
`

/**
 * The page's one style sheet. Blue against orange, after Okabe and Ito: people with any of the usual colour blindnesses
 * can tell them apart. Nothing is said by colour alone.
 */
export const style = `
:root {
  color-scheme: light dark;
${light}}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --ink: #e4e7eb; --quiet: #9ba5b1; --line: #2b3138; --axis: #68727d; --cell: #1b2026; --raised: #1b2026;
    --link: #7cc0f2;
    --done: #4f9bd3; --undone: #c98bb4; --doubt: #e3ab1f; --doubt-ink: #e9b949; --bad: #ff8f57; --check: #6c7681;
    --good: #6fb9ef; --refused: #ff8f57; --away: #e57b34; --reject: #e57b34; --band: #26313d; --pause: #2c2921; --gap: #30363d;
    --worse: #4a2413; --better: #163650;
    --added: #10293f; --added-ink: #9ed0f7; --removed: #3a2014; --removed-ink: #ffb48c;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 2rem clamp(1rem, 4vw, 2.5rem) 4rem; max-width: 76rem;
  background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: break-word;
}
h1 { font-size: 2rem; line-height: 1.2; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 3.5rem 0 1rem; padding-top: 0.75rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 2rem 0 0.5rem; }
h3 .quiet { font-weight: 400; font-size: 0.9rem; }
h4 { font-size: 1rem; margin: 0 0 0.25rem; }
p { margin: 0 0 0.75rem; max-width: 75ch; }
a { color: var(--link); }
code, pre { font: 0.85em/1.5 ui-monospace, 'SFMono-Regular', 'DejaVu Sans Mono', Consolas, monospace; }
.quiet, .note, dt { color: var(--quiet); }
.bad { color: var(--bad); }
.kind { margin: 0; color: var(--quiet); font-size: 0.9rem; }
.outcome { display: inline-block; margin: 0.75rem 0; padding: 0.15rem 0.7rem; border-radius: 1rem; border: 1.5px solid var(--quiet); }
.outcome.good { border-color: var(--good); color: var(--good); }
.outcome.open { border-color: var(--bad); color: var(--bad); }
.outcome.undone { border-color: var(--undone); }
.key { display: grid; grid-template-columns: repeat(4, 1fr); gap: 1px; margin: 1.5rem 0 0; padding: 1px; }
.key:has(> :nth-child(5)) { grid-template-columns: repeat(3, 1fr); }
.key > div { box-shadow: 0 0 0 1px var(--line); padding: 0.9rem 1rem; }
.key dt { font-size: 0.85rem; }
.key dd { margin: 0; font-size: 1.6rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.key dd.note { font-size: 0.85rem; }
nav ol { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; list-style: none; margin: 1.5rem 0 0; padding: 0; font-size: 0.9rem; }
nav a { display: inline-block; padding: 0.25rem 0; }
figure { margin: 0 0 1.5rem; }
figcaption { max-width: 75ch; margin-bottom: 0.5rem; }
figcaption strong { display: block; }
.scroll { overflow-x: auto; margin: 0.5rem 0 1rem; }
.scroll:focus-visible, pre:focus-visible, summary:focus-visible, a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.plot { display: block; font-size: 11px; color: var(--quiet); height: auto; }
.plot text, .plot tspan { white-space: pre; }
.plot.narrow { display: none; }
.legend, .phases { display: flex; flex-wrap: wrap; gap: 0.15rem 1.1rem; margin: 0 0 0.25rem; padding: 0; list-style: none; font-size: 0.85rem; }
.phases { counter-reset: none; }
.phases li::before { content: attr(value) ' '; color: var(--quiet); font-variant-numeric: tabular-nums; }
.swatch { display: inline-block; width: 0.9em; height: 0.75em; margin-right: 0.4em; background: var(--done); }
.swatch.done { background: var(--done); } .swatch.in-doubt { background: var(--doubt); } .swatch.undone { background: var(--undone); }
.swatch.failed, .swatch.undo-failed { background: var(--bad); } .swatch.check { background: var(--check); }
.swatch.away { background: var(--away); } .swatch.reject { background: var(--reject); }
.swatch.pause { background: var(--pause); outline: 1px solid var(--axis); } .swatch.gap { background: var(--gap); outline: 1px solid var(--axis); }
.swatch.worse { background: var(--worse); outline: 2px solid var(--bad); } .swatch.better { background: var(--better); outline: 2px solid var(--good); }
.sign { font-weight: 600; } .sign.works { color: var(--good); } .sign.mixed { color: var(--doubt-ink); }
.sign.refused, .sign.timeout, .sign.dns-failed { color: var(--refused); }
table { border-collapse: collapse; font-size: 0.875rem; line-height: 1.4; min-width: 100%; }
caption { text-align: left; font-weight: 600; padding: 0 0 0.35rem; }
th, td { padding: 0.3rem 1rem 0.3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); font-weight: 400; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--quiet); font-size: 0.8rem; white-space: nowrap; border-bottom-color: var(--axis); vertical-align: bottom; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th.text { min-width: 6rem; } td.text { min-width: 9rem; }
td.text:last-child { min-width: 15rem; }
th[scope='row'] code { display: inline-block; min-width: 10rem; }
details { margin: 0.25rem 0; }
summary { cursor: pointer; padding: 0.25rem 0; }
.numbers > summary { font-size: 0.875rem; color: var(--quiet); }
.step { border-bottom: 1px solid var(--line); margin: 0; }
.step > summary { padding: 0.5rem 0; }
.step-number { display: inline-block; min-width: 1.6em; text-align: right; margin-right: 0.4em; color: var(--quiet); font-variant-numeric: tabular-nums; }
.step-body { padding: 0.25rem 0 0.75rem clamp(0.5rem, 3vw, 2rem); }
.change { margin: 0 0 1rem; } .change p, .change ul { margin: 0 0 0.25rem; }
pre { margin: 0.25rem 0 0.75rem; padding: 0.75rem; background: var(--raised); overflow-x: auto; font-size: 0.8rem; tab-size: 4; }
.added, .removed { display: inline-block; min-width: 100%; }
.added { background: var(--added); color: var(--added-ink); } .removed { background: var(--removed); color: var(--removed-ink); }
.head, .hunk { color: var(--quiet); }
.missing { border-left: 3px solid var(--axis); padding: 0.25rem 0 0.25rem 0.9rem; }
.missing code { white-space: nowrap; }
.finding { border-left: 3px solid var(--doubt); padding-left: 1rem; margin: 1rem 0 2rem; }
.badge { font-weight: 400; font-size: 0.8rem; padding: 0.05rem 0.5rem; margin-left: 0.4rem; border: 1px solid var(--quiet); border-radius: 1rem; }
.badge.certain { border-color: var(--bad); color: var(--bad); }
dl:not(.key) { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1.25rem; margin: 0.5rem 0 1rem; font-size: 0.9rem; }
dl:not(.key) dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
[class='holds-true'] { font-weight: 600; } .holds-unknown { color: var(--quiet); }
[class^='holds'] { white-space: nowrap; }
footer { font-size: 0.9rem; }
@media screen and (max-width: 40rem) {
  .plot.wide { display: none; }
  .plot.narrow { display: block; }
  body { padding-top: 1.25rem; }
  h1 { font-size: 1.6rem; }
  h2 { margin-top: 2.5rem; }
  .key, .key:has(> :nth-child(5)) { grid-template-columns: 1fr 1fr; }
  .key > div { padding: 0.7rem 0.75rem; }
  .key > div:last-child:nth-child(odd) { grid-column: 1 / -1; }
  .key dd { font-size: 1.25rem; }
  dl:not(.key) { grid-template-columns: 1fr; gap: 0; }
  dl:not(.key) dd { margin-bottom: 0.4rem; }
}
@media print {
  :root {
${light}    --ink: #000000; --quiet: #444444; --link: #000000;
  }
  @page { margin: 15mm; }
  body { max-width: none; padding: 0; font-size: 10.5pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  nav, .numbers:not([open]) { display: none; }
  .scroll, pre { overflow: visible; }
  th.text, td.text, td.text:last-child, th[scope='row'] code { min-width: 0; }
  td, th { overflow-wrap: anywhere; padding-right: 0.5rem; }
  .plot { width: 100%; max-width: 100%; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; }
  h2, h3, h4, figcaption, caption { break-after: avoid; }
  tr, svg, .key { break-inside: avoid; }
}
`
