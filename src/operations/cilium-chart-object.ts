import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import type { KubeApi, KubeObject } from '../kube/api.ts'
import { KubeError } from '../kube/errors.ts'
import type { ChartInstaller, ChartRelease } from './chart-installer.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

const helmChart = { apiVersion: 'helm.cattle.io/v1', kind: 'HelmChart' }
const name = 'cilium'
const namespace = 'kube-system'

/** The default, reinstall, uninstalls a live CNI when a release has failed (k3s-kube-router.md §9). */
const failurePolicy = 'abort'

async function objectOf({ chart, version, values }: ChartRelease): Promise<KubeObject> {
  const source =
    'repo' in chart
      ? { chart: name, repo: chart.repo, version }
      : { chartContent: (await readFile(chart.path)).toString('base64') }
  return {
    ...helmChart,
    metadata: { name, namespace },
    spec: {
      ...source,
      targetNamespace: namespace,
      bootstrap: true,
      failurePolicy,
      valuesContent: values,
    },
  }
}

/**
 * Deletes the HelmChart object; it goes when its job has uninstalled the release. Where it was not made so, that job is given
 * the host's network: on Cilium's it would saw off the branch that it sits on, and where agents crash it could not begin.
 */
export async function deleteChartObject(kube: KubeApi): Promise<void> {
  const object = await kube.get(helmChart, name, namespace)
  if (object === null) return
  await kube.delete(helmChart, name, namespace)
  const { bootstrap } = z.object({ bootstrap: z.boolean().nullish() }).parse(object.spec ?? {})
  // After the deletion: a chart that is changed is installed anew.
  if (bootstrap !== true) await patchIfThere(kube, { spec: { bootstrap: true } })
}

async function patchIfThere(kube: KubeApi, patch: object): Promise<void> {
  try {
    await kube.patch(helmChart, name, namespace, patch)
  } catch (error) {
    if (!(error instanceof KubeError && error.status === 404)) throw error
  }
}

/** By K3s' own helm controller, which makes a job of the object. */
export function chartObject(world: World): ChartInstaller {
  const { kube } = world
  return {
    async apply(release) {
      const object = await objectOf(release)
      const existing = await kube.get(helmChart, name, namespace)
      if (existing) await kube.patch(helmChart, name, namespace, { spec: object.spec })
      else await kube.create(object)
    },
    async setValues({ values }) {
      await kube.patch(helmChart, name, namespace, { spec: { valuesContent: values, failurePolicy } })
    },
    async remove(task) {
      await deleteChartObject(kube)
      await until(world, task, 'the HelmChart object to be gone', async () =>
        (await kube.get(helmChart, name, namespace)) ? 'the HelmChart object is still there' : null,
      )
    },
  }
}
