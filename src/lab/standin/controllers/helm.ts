import { createHash } from 'node:crypto'
import type { ApiObject } from '../context.ts'
import { type Action, isActive, statusIfChanged, target, type View } from './model.ts'

/** K3s' helm-controller: a HelmChart becomes a job that runs klipper-helm. https://github.com/k3s-io/helm-controller */

const charts = 'helm.cattle.io/helmcharts'
const finalizer = 'wrangler.cattle.io/on-helm-chart-remove'
const hashAnnotation = 'helmcharts.helm.cattle.io/configHash'
const chartLabel = 'helmcharts.helm.cattle.io/chart'
const image = 'rancher/klipper-helm:v0.9.14-build20260210'

export function helm(view: View): Action[] {
  return view
    .all(charts)
    .flatMap((chart) =>
      chart.metadata.deletionTimestamp === undefined ? install(chart, view) : uninstall(chart, view),
    )
}

const find = (view: View, collection: string, chart: ApiObject, name: string) =>
  view.all(collection).find((one) => one.metadata.name === name && one.metadata.namespace === chart.metadata.namespace)

function install(chart: ApiObject, view: View): Action[] {
  const { name } = chart.metadata
  if (!chart.metadata.finalizers?.includes(finalizer))
    return [
      {
        do: 'merge',
        collection: charts,
        ...target(chart),
        patch: { metadata: { finalizers: [...(chart.metadata.finalizers ?? []), finalizer] } },
      },
    ]
  const overrides = find(view, 'helm.cattle.io/helmchartconfigs', chart, name)
  const values = valuesSecret(chart, overrides)
  const hash = configHash(chart, overrides)
  const secret = find(view, 'secrets', chart, values.metadata.name)
  const job = find(view, 'jobs', chart, `helm-install-${name}`)
  const actions: Action[] = []
  if (!secret) actions.push({ do: 'create', collection: 'secrets', object: values })
  else if (JSON.stringify(secret.data) !== JSON.stringify(values.data))
    actions.push({ do: 'merge', collection: 'secrets', ...target(secret), patch: { data: values.data } })
  const outdated = job !== undefined && job.spec.template.metadata?.annotations?.[hashAnnotation] !== hash
  // A changed chart runs its job anew: a job's template cannot be changed.
  if (outdated && job.metadata.deletionTimestamp === undefined) actions.push(deleteJob(job))
  else if (!job && !podsOf(view, `helm-install-${name}`))
    actions.push({ do: 'create', collection: 'jobs', object: jobOf(chart, 'install', hash, overrides) })
  return [...actions, ...statusIfChanged(charts, chart, { jobName: `helm-install-${name}`, ...failed(job) })]
}

const deleteJob = (job: ApiObject): Action => ({ do: 'delete', collection: 'jobs', ...target(job) })

const podsOf = (view: View, jobName: string) =>
  view.all('pods').some((pod) => pod.metadata.labels?.['job-name'] === jobName && isActive(pod))

function failed(job: ApiObject | undefined): object {
  const condition = (job?.status?.conditions ?? []).find((one: { type: string }) => one.type === 'Failed')
  if (!condition) return {}
  return { conditions: [{ type: 'Failed', status: 'True', reason: 'Job failed', message: condition.message }] }
}

function uninstall(chart: ApiObject, view: View): Action[] {
  const { name } = chart.metadata
  if (!chart.metadata.finalizers?.includes(finalizer)) return []
  const job = find(view, 'jobs', chart, `helm-delete-${name}`)
  const wanted = jobOf(chart, 'delete', '', undefined)
  if (!job) return [{ do: 'create', collection: 'jobs', object: wanted }]
  // A chart that was changed since: the controller applies the job, which cannot be patched, so it is made anew.
  if (job.spec.template.spec.hostNetwork !== wanted.spec.template.spec.hostNetwork)
    return job.metadata.deletionTimestamp === undefined ? [deleteJob(job)] : []
  if ((job.status?.succeeded ?? 0) === 0) return []
  const leftovers: Action[] = ['helm-install', 'helm-delete'].flatMap((kind) => {
    const other = find(view, 'jobs', chart, `${kind}-${name}`)
    return other ? [deleteJob(other)] : []
  })
  const secret = find(view, 'secrets', chart, `chart-values-${name}`)
  if (secret) leftovers.push({ do: 'delete', collection: 'secrets', ...target(secret) })
  const finalizers = chart.metadata.finalizers.filter((one) => one !== finalizer)
  return [
    ...leftovers,
    {
      do: 'merge',
      collection: charts,
      ...target(chart),
      patch: { metadata: { finalizers: finalizers.length > 0 ? finalizers : null } },
    },
  ]
}

function configHash(chart: ApiObject, overrides: ApiObject | undefined): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([chart.spec, overrides?.spec ?? {}]))
    .digest('hex')
  return `SHA256=${digest.toUpperCase()}`
}

function valuesSecret(chart: ApiObject, overrides: ApiObject | undefined): ApiObject {
  const { name, namespace = '' } = chart.metadata
  const base64 = (text: unknown) => Buffer.from(String(text)).toString('base64')
  // The order of the files is the order helm reads them in: the later one wins.
  const data = {
    ...(chart.spec.valuesContent === undefined ? {} : { 'values-01_HelmChart.yaml': base64(chart.spec.valuesContent) }),
    ...(overrides?.spec?.valuesContent === undefined
      ? {}
      : { 'values-10_HelmChartConfig.yaml': base64(overrides.spec.valuesContent) }),
  }
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `chart-values-${name}`, namespace },
    type: 'Opaque',
    data,
  }
}

const bootstrapTolerations = [
  { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/network-unavailable', effect: 'NoSchedule' },
  { key: 'node.cloudprovider.kubernetes.io/uninitialized', operator: 'Equal', value: 'true', effect: 'NoSchedule' },
  { key: 'CriticalAddonsOnly', operator: 'Exists' },
  { key: 'node-role.kubernetes.io/etcd', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node-role.kubernetes.io/control-plane', operator: 'Exists', effect: 'NoSchedule' },
]

function jobOf(
  chart: ApiObject,
  command: 'install' | 'delete',
  hash: string,
  overrides: ApiObject | undefined,
): ApiObject {
  const { name, namespace = '' } = chart.metadata
  const { spec } = chart
  const bootstrap = spec.bootstrap === true
  const variables: Record<string, string | undefined> = {
    NAME: name,
    VERSION: spec.version,
    REPO: spec.repo,
    HELM_DRIVER: 'secret',
    CHART_NAMESPACE: namespace,
    CHART: spec.chart,
    HELM_VERSION: 'v3',
    TARGET_NAMESPACE: spec.targetNamespace ?? namespace,
    FAILURE_POLICY: overrides?.spec?.failurePolicy ?? spec.failurePolicy ?? 'reinstall',
    TIMEOUT: spec.timeout,
    VALUES_HASH: hash,
    ...(bootstrap ? { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: '6443', BOOTSTRAP: 'true' } : {}),
  }
  const env = Object.entries(variables).flatMap(([key, value]) => (value === undefined ? [] : [{ name: key, value }]))
  const set = Object.entries(spec.set ?? {}).flatMap(([key, value]) => ['--set', `${key}=${value}`])
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: `helm-${command}-${name}`, namespace, labels: { [chartLabel]: name } },
    spec: {
      backoffLimit: spec.backOffLimit ?? 1000,
      template: {
        metadata: { labels: { [chartLabel]: name }, annotations: { [hashAnnotation]: hash } },
        spec: {
          restartPolicy: 'OnFailure',
          serviceAccountName: `helm-${name}`,
          priorityClassName: 'system-cluster-critical',
          containers: [
            {
              name: 'helm',
              image: spec.jobImage ?? image,
              imagePullPolicy: 'IfNotPresent',
              args: command === 'delete' ? ['delete'] : ['install', ...set],
              env,
              volumeMounts: [{ name: 'values', mountPath: '/config' }],
            },
          ],
          volumes: [{ name: 'values', secret: { secretName: `chart-values-${name}`, optional: true } }],
          ...(bootstrap
            ? {
                hostNetwork: true,
                tolerations: bootstrapTolerations,
                nodeSelector: { 'node-role.kubernetes.io/control-plane': 'true' },
              }
            : {}),
        },
      },
    },
  }
}
