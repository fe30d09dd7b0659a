import { expect, it } from 'vitest'
import { formatTable } from '../../src/lab/standin/snapshot.ts'

const location = 'file:///var/lib/rancher/k3s/server/db/snapshots/'
const entry = (name: string) => ({
  name,
  location: `${location}${name}`,
  size: 2113568,
  created: '2026-11-21T07:11:31Z',
})

it('rows are those recorded of 1.21, under the header of newer versions', () => {
  const [header, ...rows] = formatTable([entry('plain-k1-1795245091'), entry('pre-test-k1-1795245089')]).split('\n')
  expect(header?.split(/\s+/)).toEqual(['Name', 'Location', 'Size', 'Created'])
  expect(rows).toEqual([
    `plain-k1-1795245091    ${location}plain-k1-1795245091    2113568 2026-11-21T07:11:31Z`,
    `pre-test-k1-1795245089 ${location}pre-test-k1-1795245089 2113568 2026-11-21T07:11:31Z`,
    '',
  ])
})
