import { parse } from 'yaml'
import type { Json, Operation, TaskContext } from '../engine/model.ts'
import type { Facts } from '../facts/facts.ts'
import { readHelmRelease } from '../facts/helm-release.ts'
import type { ChartRelease } from './chart-installer.ts'
import { type InstalledBy, installerOf } from './cilium-release.ts'
import { kubeNow } from './kube-now.ts'
import { missingOfConfig, routingConfig, routingOf, sameRouting, sameValues } from './routing-values.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

/** What a release is changed by, and with which chart: values alone are to differ. */
export interface ReleaseRef extends Omit<ChartRelease, 'values'> {
  install: InstalledBy
}

export interface ValuesWanted extends ReleaseRef {
  values: string
  /** What undoing puts there: not always what was there, as the strategy of the agents' DaemonSet goes its own way back. */
  back: string
}

interface ValuesChange {
  before: string
  after: ValuesWanted
  config: Readonly<Record<string, string>> | null
}

const configMap = { apiVersion: 'v1', kind: 'ConfigMap' }

/**
 * Why helm has not brought these values yet, or null. A HelmChart object has them at once, and its job is through when helm's own
 * record has them: an agent that starts before reads a ConfigMap of before, its tunnel's port and all. Of routing alone, as a
 * HelmChartConfig adds values of its own.
 */
async function missingOfRelease(world: World, values: string): Promise<string | null> {
  const { chart, daemonSet } = (await kubeNow(world)).cilium
  if (!chart || !sameValues(chart.values, values)) return 'the release has other values'
  const { strategy } = routingOf(values)
  if (daemonSet?.strategy !== strategy) return `the DaemonSet's strategy is ${daemonSet?.strategy}, not ${strategy}`
  const record = await readHelmRelease(world.kube, 'kube-system', 'cilium')
  return record !== null && sameRouting(record.values, values) ? null : 'helm has not brought them yet'
}

/**
 * Brings the release to these values, and its ConfigMap with it. What somebody patched into the ConfigMap is patched back: helm
 * leaves keys alone that no values of before or now speak of. No agent is told, and none waited for.
 */
export async function bringValues(
  world: World,
  { install, ...release }: ReleaseRef & { values: string },
  task: TaskContext,
): Promise<void> {
  const { values } = release
  const { chart } = (await kubeNow(world)).cilium
  if (!chart || !sameValues(chart.values, values)) await installerOf(world, install).setValues(release, task)
  await until(world, task, "Cilium's release", async () => missingOfRelease(world, values))
  if (missingOfConfig((await kubeNow(world)).cilium.config, values) !== null)
    await world.kube.patch(configMap, 'cilium-config', 'kube-system', { data: routingConfig(values) })
}

export const valuesBrought = (world: World, values: string, task: TaskContext): Promise<void> =>
  until(
    world,
    task,
    "Cilium's release",
    async () =>
      (await missingOfRelease(world, values)) ?? missingOfConfig((await kubeNow(world)).cilium.config, values),
  )

/** Cilium's release with exactly these values. Agents that run go on with those they were started with. */
export const ciliumValuesSet: Operation<Facts, World, ValuesWanted, ValuesChange> = {
  name: 'cilium.values-set',
  reads: ['kube'],
  diff(facts, _target, wanted) {
    const { chart, config } = facts.kube.cilium
    const before = chart?.values ?? ''
    if (sameValues(before, wanted.values) && missingOfConfig(config, wanted.values) === null) return null
    return { before, after: wanted, config }
  },
  predict(facts, _target, { after: { values } }) {
    const { cilium } = facts.kube
    const { chart, daemonSet } = cilium
    const config = { ...cilium.config }
    for (const [key, value] of Object.entries(routingConfig(values)))
      if (value === null) delete config[key]
      else config[key] = value
    return {
      ...facts,
      kube: {
        ...facts.kube,
        cilium: {
          ...cilium,
          chart: chart && { ...chart, values },
          config,
          daemonSet: daemonSet && { ...daemonSet, strategy: routingOf(values).strategy },
        },
      },
    }
  },
  fingerprint: ({ before, after }) => ({ before: parse(before) as Json, after: parse(after.values) as Json }),
  render: ({ before, after, config }) => ({
    summary: "change the values of Cilium's release; no agent is started anew by it",
    diffs: [
      { subject: 'values of the chart kube-system/cilium', before, after: after.values },
      {
        subject: 'ConfigMap kube-system/cilium-config',
        before:
          config &&
          linesOf(
            Object.fromEntries(Object.keys(routingConfig(after.values)).map((key) => [key, config[key] ?? null])),
          ),
        after: linesOf(routingConfig(after.values)),
      },
    ],
    notes: after.install === 'helm-chart-object' ? ['the HelmChart object gets failurePolicy abort, and keeps it'] : [],
  }),
  apply: (world, _target, { after }, task) => bringValues(world, after, task),
  verify: (world, _target, { after }, task) => valuesBrought(world, after.values, task),
  undo: {
    how: 'put the former values back; no agent is started anew by it',
    async run(world, _target, { after }, task) {
      await bringValues(world, { ...after, values: after.back }, task)
      await valuesBrought(world, after.back, task)
    },
  },
}

const linesOf = (config: Readonly<Record<string, string | null>>): string =>
  Object.entries(config)
    .map(([key, value]) => (value === null ? '' : `${key}: ${value}\n`))
    .join('')
