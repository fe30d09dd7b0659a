import { expect, test } from 'vitest'
import { closedSources, closedText, closingInput, egressClosed } from '../../src/netfilter/egress-closed.ts'
import { applyRemoval, planRemoval } from '../../src/netfilter/removal.ts'
import { normalise, parse, print } from '../../src/netfilter/ruleset.ts'

const foreign =
  '*mangle\n:FORWARD ACCEPT [0:0]\n-A FORWARD -s 192.0.2.1/32 -j DROP\nCOMMIT\n*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n'
const sources = ['10.42.1.2', '10.42.1.3']
const cidr = '10.52.0.0/16'

test('new connections of these sources into the range are dropped, and the jump is made once', () => {
  expect(closingInput(parse(foreign), sources, cidr).split('\n')).toEqual([
    '*mangle',
    ':CNI-MIGRATE-EGRESS - [0:0]',
    '-I FORWARD 1 -d 10.52.0.0/16 -m conntrack --ctstate NEW -j CNI-MIGRATE-EGRESS',
    '-A CNI-MIGRATE-EGRESS -s 10.42.1.2/32 -j DROP',
    '-A CNI-MIGRATE-EGRESS -s 10.42.1.3/32 -j DROP',
    'COMMIT',
    '',
  ])
  expect(closingInput(parse(closedText(foreign, sources, cidr)), sources, cidr)).not.toContain('-I FORWARD')
})

test.each([
  foreign,
  foreign.slice(foreign.indexOf('*filter')),
  '',
])('what is closed is found again, and goes without a trace', (text) => {
  const closed = closedText(text, sources, cidr)
  expect(closedSources(parse(closed))).toEqual(sources)
  const rest = print(applyRemoval(parse(closed), planRemoval(parse(closed), [egressClosed])))
  expect(closedSources(parse(rest))).toEqual([])
  expect(rest).not.toContain('CNI-MIGRATE')
  if (text === foreign) expect(print(normalise(parse(rest)))).toBe(print(normalise(parse(foreign))))
})

test('rules without the jump to them close nothing', () => {
  const text = closedText(foreign, sources, cidr).replace(/^-A FORWARD -d .*\n/m, '')
  expect(closedSources(parse(text))).toEqual([])
})
