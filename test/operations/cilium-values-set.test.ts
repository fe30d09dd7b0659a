import { beforeEach, expect, test } from 'vitest'
import { CLUSTER } from '../../src/engine/model.ts'
import type { Facts } from '../../src/facts/facts.ts'
import type { KindRef } from '../../src/kube/api.ts'
import { ciliumValuesSet } from '../../src/operations/cilium-values-set.ts'
import { heldBack, withRouting } from '../../src/operations/routing-values.ts'
import type { World } from '../../src/operations/world.ts'
import { releaseRecord } from '../../src/simulator/cluster/cilium.ts'
import { ToyClock } from '../engine/toy/clock.ts'
import { noting } from './fake-guards.ts'
import { routedFacts, someValues } from './routed-facts.ts'
import { podCidr } from './some-facts.ts'

let facts: Facts
let patches: [string, string, object][]
let world: World
/** The values that helm's record has. */
let deployed: string
beforeEach(() => {
  facts = routedFacts('tunnel')
  patches = []
  deployed = former
  const kube = {
    list: async () => [releaseRecord('1.17.6', deployed)],
    patch: async ({ kind }: KindRef, name: string, _namespace: string, patch: object) => {
      patches.push([kind, name, patch])
      if (kind !== 'HelmChart') return
      deployed = (patch as { spec: { valuesContent: string } }).spec.valuesContent
      facts = helmHasRun(deployed)
    },
  }
  world = { kube, clock: new ToyClock(), look: async () => facts } as unknown as World
})

const former = someValues('tunnel')
const native = withRouting(former, { mode: 'native', podCidr })
const wanted = {
  ...{ install: 'helm-chart-object' as const, version: '1.17.6', chart: { repo: 'https://helm.cilium.io' } },
  ...{ values: heldBack(native), back: heldBack(former) },
}
const change = () => {
  const found = ciliumValuesSet.diff(facts, CLUSTER, wanted)
  if (found === null) throw new Error('there is something to change')
  return found
}

/** The facts once helm has brought these values, strangers among the keys left alone. */
function helmHasRun(values: string): Facts {
  const done = { before: '', after: { ...wanted, values }, config: null }
  const brought = ciliumValuesSet.predict(facts, CLUSTER, done)
  const strangers = Object.entries(facts.kube.cilium.config ?? {}).filter(([key]) => key.startsWith('ipv4-native'))
  Object.assign(brought.kube.cilium.config ?? {}, Object.fromEntries(strangers))
  return brought
}

test('of the HelmChart object the values are patched, nothing of where it comes from', async () => {
  await ciliumValuesSet.apply(world, CLUSTER, change(), noting(new Map()))
  expect(patches).toEqual([
    ['HelmChart', 'cilium', { spec: { valuesContent: heldBack(native), failurePolicy: 'abort' } }],
  ])
})

test('after what it predicts there is nothing left to change, and the strategy holds agents back', () => {
  const after = ciliumValuesSet.predict(facts, CLUSTER, change())
  expect(ciliumValuesSet.diff(after, CLUSTER, wanted)).toBeNull()
  expect(after.kube.cilium.daemonSet?.strategy).toBe('OnDelete')
  expect(after.kube.cilium.config).toMatchObject({ 'routing-mode': 'native', 'enable-policy': 'default' })
})

test('the plan shows the keys of the ConfigMap that somebody patched, beside the values', () => {
  facts.kube.cilium.config = { ...facts.kube.cilium.config, 'routing-mode': 'native' }
  const { diffs } = ciliumValuesSet.render(change())
  expect(diffs?.[1]).toMatchObject({
    subject: 'ConfigMap kube-system/cilium-config',
    before: expect.stringContaining('routing-mode: native\n'),
  })
})

test('a ConfigMap that was patched where the release has these values already is patched back: no job would', async () => {
  facts.kube.cilium.chart = { by: 'helm-chart-object', version: '1.17.6', values: heldBack(native) }
  if (facts.kube.cilium.daemonSet) facts.kube.cilium.daemonSet.strategy = 'OnDelete'
  deployed = heldBack(native)
  await ciliumValuesSet.apply(world, CLUSTER, change(), noting(new Map()))
  expect(patches).toEqual([
    [
      'ConfigMap',
      'cilium-config',
      {
        data: {
          'routing-mode': 'native',
          'auto-direct-node-routes': 'true',
          'ipv4-native-routing-cidr': podCidr,
          'kube-proxy-replacement': 'false',
        },
      },
    ],
  ])
})

test('a key that somebody added to the ConfigMap is taken away after helm, which leaves it', async () => {
  facts = routedFacts('native')
  const tunnel = { ...wanted, values: heldBack(withRouting(someValues('native'), { mode: 'tunnel', podCidr })) }
  facts.kube.cilium.config = { ...facts.kube.cilium.config, 'ipv4-native-routing-cidr': '10.99.0.0/16' }
  const planned = ciliumValuesSet.diff(facts, CLUSTER, tunnel)
  if (planned === null) throw new Error('there is something to change')
  await ciliumValuesSet.apply(world, CLUSTER, planned, noting(new Map()))
  expect(patches.map(([kind]) => kind)).toEqual(['HelmChart', 'ConfigMap'])
  expect(patches[1]?.[2]).toMatchObject({ data: { 'ipv4-native-routing-cidr': null, 'routing-mode': 'tunnel' } })
})

test('it is done when release, DaemonSet, record and ConfigMap say so, and not before', async () => {
  const planned = change()
  const said: string[] = []
  const { signal } = new AbortController()
  const after = ciliumValuesSet.predict(facts, CLUSTER, planned)
  const { chart, config, daemonSet } = after.kube.cilium
  // As the API tells it one after the other, while the job runs.
  const stages = [
    () => Object.assign(facts.kube.cilium, { chart }),
    () => Object.assign(facts.kube.cilium, { daemonSet }),
    () => {
      deployed = wanted.values
    },
    () => Object.assign(facts.kube.cilium, { config }),
  ]
  const say = (line: string) => {
    said.push(line)
    stages.shift()?.()
  }
  await ciliumValuesSet.verify(world, CLUSTER, planned, { ...noting(new Map(), signal), say })
  expect(said).toEqual([
    expect.stringContaining('the release has other values'),
    expect.stringContaining("the DaemonSet's strategy is RollingUpdate, not OnDelete"),
    expect.stringContaining('helm has not brought them yet'),
    expect.stringContaining('cilium-config has routing-mode: tunnel, not native'),
  ])
})

test('the ConfigMap is not touched while the job of the HelmChart object runs: agents would read what it has not made yet', async () => {
  facts = routedFacts('native')
  deployed = heldBack(someValues('native'))
  if (facts.kube.cilium.daemonSet) facts.kube.cilium.daemonSet.strategy = 'OnDelete'
  const values = heldBack(withRouting(someValues('native'), { mode: 'tunnel', podCidr }))
  const seen: string[] = []
  const kube = {
    list: async () => [releaseRecord('1.17.6', deployed)],
    patch: async ({ kind }: KindRef) => {
      seen.push(`${kind}, ${deployed === values ? 'after' : 'before'} helm`)
      if (kind === 'HelmChart' && facts.kube.cilium.chart) facts.kube.cilium.chart.values = values
    },
  }
  const say = () => {
    deployed = values
  }
  const task = { ...noting(new Map()), say }
  const planned = ciliumValuesSet.diff(facts, CLUSTER, { ...wanted, values })
  if (planned === null) throw new Error('there is something to change')
  await ciliumValuesSet.apply({ ...world, kube } as unknown as World, CLUSTER, planned, task)
  expect(seen).toEqual(['HelmChart, before helm', 'ConfigMap, after helm'])
})

test('undoing leaves the agents held back: somebody else lets go of them', async () => {
  const planned = change()
  facts = ciliumValuesSet.predict(facts, CLUSTER, planned)
  const { undo } = ciliumValuesSet
  if (!('run' in undo)) throw new Error('it can be undone')
  const held = ciliumValuesSet.predict(facts, CLUSTER, { ...planned, after: { ...wanted, values: wanted.back } })
  let looks = 0
  const look = async () => (looks++ === 0 ? facts : held)
  await undo.run({ ...world, look } as World, CLUSTER, planned, noting(new Map()))
  expect(patches).toMatchObject([['HelmChart', 'cilium', { spec: { valuesContent: heldBack(former) } }]])
})
