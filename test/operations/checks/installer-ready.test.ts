import { expect, test } from 'vitest'
import { installerReady } from '../../../src/operations/checks/installer-ready.ts'
import { someFacts } from '../some-facts.ts'

const withHelm = (version: string | null, error: string | null = null) => ({
  ...someFacts(),
  operator: { helm: { version, error } },
})
const levels = (found: ReturnType<typeof installerReady>) => found.map(({ level, detail }) => [level, detail])

test("K3s' own helm controller needs nothing here, but it must run", () => {
  expect(levels(installerReady(someFacts(), 'helm-chart-object'))).toEqual([['fine', 'it is not switched off']])
  const facts = someFacts()
  for (const name of ['s1', 's2', 's3'])
    Object.assign(facts.nodes[name]?.k3s.flags ?? {}, { 'disable-helm-controller': { value: 'true', from: '/c' } })
  expect(levels(installerReady(facts, 'helm-chart-object'))).toEqual([
    ['blocks', 'disable-helm-controller is set in /c: nobody would install the HelmChart'],
  ])
})

test.each([
  ['v3.19.0', null, 'fine', 'v3.19.0'],
  ['v2.17.0', null, 'blocks', 'its version is v2.17.0'],
  ['nonsense', null, 'blocks', 'its version is nonsense'],
  [null, 'bash: helm: command not found', 'blocks', 'bash: helm: command not found'],
] as const)('helm %s', (version, error, level, detail) => {
  expect(levels(installerReady(withHelm(version, error), 'helm'))).toEqual([[level, detail]])
})

test('facts that were saved without a look at helm do not say that it is there', () => {
  expect(levels(installerReady(someFacts(), 'helm'))[0]?.[0]).toBe('unknown')
})

test.each(['helm', 'helm-chart-object'] as const)('what was installed by %s stays with it', (by) => {
  const facts = withHelm('v3.19.0')
  facts.kube.cilium.chart = { by, version: '1.17.6', values: '' }
  const other = by === 'helm' ? 'helm-chart-object' : 'helm'
  expect(installerReady(facts, by).filter(({ level }) => level !== 'fine')).toEqual([])
  expect(installerReady(facts, other)[0]).toMatchObject({ level: 'blocks', fix: `set cilium.install to ${by}` })
})
