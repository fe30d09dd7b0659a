import semver from 'semver'
import type { ApiObject } from '../context.ts'
import { ciliumConfigData } from './config-map.ts'
import type { ChartValues } from './values.ts'

export interface ChartTarget {
  namespace: string
  version: string
}

type Env = { name: string; value?: string; valueFrom?: { fieldRef: { apiVersion: string; fieldPath: string } } }

const field = (name: string, fieldPath: string): Env => ({
  name,
  valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } },
})

/** The API's address for everything that must not depend on a Service: both values, or the cluster's own. */
function apiAddress(values: ChartValues): Env[] {
  if (values.k8sServiceHost === '') return []
  return [
    { name: 'KUBERNETES_SERVICE_HOST', value: values.k8sServiceHost },
    ...(values.k8sServicePort === '' ? [] : [{ name: 'KUBERNETES_SERVICE_PORT', value: `${values.k8sServicePort}` }]),
  ]
}

const nodeEnv = [field('K8S_NODE_NAME', 'spec.nodeName'), field('CILIUM_K8S_NAMESPACE', 'metadata.namespace')]

const hostPath = (name: string, path: string, type = 'DirectoryOrCreate') => ({ name, hostPath: { path, type } })

function agentDaemonSet(values: ChartValues, { namespace, version }: ChartTarget): ApiObject {
  const image = `${values.image.repository}:${values.image.tag || `v${version}`}`
  const labels = {
    'app.kubernetes.io/name': 'cilium-agent',
    'app.kubernetes.io/part-of': 'cilium',
    'k8s-app': 'cilium',
  }
  const container = (name: string, env: Env[], mounts: [string, string][]) => ({
    name,
    image,
    imagePullPolicy: values.image.pullPolicy,
    env,
    volumeMounts: mounts.map(([volume, mountPath]) => ({ name: volume, mountPath })),
  })
  const probe = { httpGet: { host: '127.0.0.1', path: '/healthz', port: 9879, scheme: 'HTTP' } }
  const confMount: [string, string] = ['etc-cni-netd', values.cni.hostConfDirMountPath]
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'cilium', namespace, labels },
    spec: {
      selector: { matchLabels: { 'k8s-app': 'cilium' } },
      updateStrategy: values.updateStrategy,
      template: {
        metadata: { labels, annotations: values.podAnnotations },
        spec: {
          hostNetwork: true,
          restartPolicy: 'Always',
          priorityClassName: 'system-node-critical',
          serviceAccountName: 'cilium',
          automountServiceAccountToken: true,
          terminationGracePeriodSeconds: values.terminationGracePeriodSeconds,
          nodeSelector: values.nodeSelector,
          tolerations: values.tolerations,
          affinity: values.affinity,
          initContainers: [
            container('config', [...nodeEnv, ...apiAddress(values)], [['tmp', '/tmp']]),
            container('mount-cgroup', [], [['cni-path', '/hostbin']]),
            ...(values.sysctlfix.enabled ? [container('apply-sysctl-overwrites', [], [['cni-path', '/hostbin']])] : []),
            container('mount-bpf-fs', [], [['bpf-maps', '/sys/fs/bpf']]),
            container('clean-cilium-state', [], [['cilium-run', '/var/run/cilium']]),
            ...(values.cni.install ? [container('install-cni-binaries', [], [['cni-path', '/host/opt/cni/bin']])] : []),
          ],
          containers: [
            {
              ...container(
                'cilium-agent',
                [...nodeEnv, ...apiAddress(values)],
                [['bpf-maps', '/sys/fs/bpf'], ['cilium-run', '/var/run/cilium'], confMount, ['tmp', '/tmp']],
              ),
              startupProbe: { ...probe, failureThreshold: 105, periodSeconds: 2, successThreshold: 1 },
              livenessProbe: { ...probe, failureThreshold: 10, periodSeconds: 30, timeoutSeconds: 5 },
              readinessProbe: { ...probe, failureThreshold: 3, periodSeconds: 30, timeoutSeconds: 5 },
            },
          ],
          volumes: [
            { name: 'tmp', emptyDir: {} },
            hostPath('cilium-run', '/var/run/cilium'),
            hostPath('bpf-maps', '/sys/fs/bpf'),
            hostPath('cni-path', values.cni.binPath),
            hostPath('etc-cni-netd', values.cni.confPath),
          ],
        },
      },
    },
  }
}

/** Since 1.18 not every taint any more: not `node.kubernetes.io/unschedulable`, so the operator goes to no cordoned node. */
function operatorTolerations({ agentNotReadyTaintKey }: ChartValues, version: string): object[] {
  if (semver.lt(version, '1.18.0')) return [{ operator: 'Exists' }]
  return [
    'node-role.kubernetes.io/control-plane',
    'node-role.kubernetes.io/master',
    'node.kubernetes.io/not-ready',
    'node.cloudprovider.kubernetes.io/uninitialized',
    agentNotReadyTaintKey,
  ].map((key) => ({ key, operator: 'Exists' }))
}

function operatorDeployment(values: ChartValues, { namespace, version }: ChartTarget): ApiObject {
  const { operator } = values
  const { repository, tag, suffix, pullPolicy } = operator.image
  const labels = {
    'app.kubernetes.io/name': 'cilium-operator',
    'app.kubernetes.io/part-of': 'cilium',
    'io.cilium/app': 'operator',
    name: 'cilium-operator',
  }
  const matchLabels = { 'io.cilium/app': 'operator', name: 'cilium-operator' }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'cilium-operator', namespace, labels },
    spec: {
      replicas: operator.replicas,
      selector: { matchLabels },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '50%' } },
      template: {
        metadata: { labels },
        spec: {
          hostNetwork: true,
          restartPolicy: 'Always',
          priorityClassName: 'system-cluster-critical',
          serviceAccountName: 'cilium-operator',
          automountServiceAccountToken: true,
          nodeSelector: operator.nodeSelector,
          tolerations: operator.tolerations ?? operatorTolerations(values, version),
          affinity: operator.affinity,
          containers: [
            {
              name: 'cilium-operator',
              image: `${repository}-generic${suffix}:${tag || `v${version}`}`,
              imagePullPolicy: pullPolicy,
              command: ['cilium-operator-generic'],
              args: ['--config-dir=/tmp/cilium/config-map', '--debug=$(CILIUM_DEBUG)'],
              env: [
                ...nodeEnv,
                {
                  name: 'CILIUM_DEBUG',
                  valueFrom: { configMapKeyRef: { key: 'debug', name: 'cilium-config', optional: true } },
                },
                ...apiAddress(values),
              ],
              volumeMounts: [{ name: 'cilium-config-path', mountPath: '/tmp/cilium/config-map', readOnly: true }],
            },
          ],
          volumes: [{ name: 'cilium-config-path', configMap: { name: 'cilium-config' } }],
        },
      },
    },
  }
}

function envoyDaemonSet(values: ChartValues, { namespace }: ChartTarget): ApiObject {
  const labels = {
    'app.kubernetes.io/name': 'cilium-envoy',
    'app.kubernetes.io/part-of': 'cilium',
    'k8s-app': 'cilium-envoy',
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'cilium-envoy', namespace, labels: { ...labels, name: 'cilium-envoy' } },
    spec: {
      selector: { matchLabels: { 'k8s-app': 'cilium-envoy' } },
      updateStrategy: values.updateStrategy,
      template: {
        metadata: { labels: { ...labels, name: 'cilium-envoy' } },
        spec: {
          hostNetwork: true,
          restartPolicy: 'Always',
          priorityClassName: 'system-node-critical',
          serviceAccountName: 'cilium-envoy',
          terminationGracePeriodSeconds: 1,
          nodeSelector: values.envoy.nodeSelector,
          tolerations: [{ operator: 'Exists' }],
          affinity: values.envoy.affinity,
          containers: [
            {
              name: 'cilium-envoy',
              image: 'quay.io/cilium/cilium-envoy:v1.33.4-1752151664-7c2edb0b44cf95f326d628b837fcdd845102ba68',
              imagePullPolicy: 'IfNotPresent',
              ports: [{ name: 'envoy-metrics', containerPort: 9964, hostPort: 9964, protocol: 'TCP' }],
            },
          ],
        },
      },
    },
  }
}

function accessObjects(name: string, namespace: string): ApiObject[] {
  const labels = { 'app.kubernetes.io/part-of': 'cilium' }
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name, labels },
      rules: [{ apiGroups: ['cilium.io'], resources: ['*'], verbs: ['*'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name, labels },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
  ]
}

/** The objects of the release, in the order in which helm creates them. */
export function renderChart(values: ChartValues, target: ChartTarget): ApiObject[] {
  const { namespace } = target
  const envoy = values.l7Proxy && values.envoy.enabled
  return [
    ...accessObjects('cilium', namespace),
    ...(values.operator.enabled ? accessObjects('cilium-operator', namespace) : []),
    ...(envoy
      ? [
          {
            apiVersion: 'v1',
            kind: 'ServiceAccount',
            metadata: { name: 'cilium-envoy', namespace },
          } satisfies ApiObject,
        ]
      : []),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'cilium-config', namespace },
      data: ciliumConfigData(values),
    },
    agentDaemonSet(values, target),
    ...(envoy ? [envoyDaemonSet(values, target)] : []),
    ...(values.operator.enabled ? [operatorDeployment(values, target)] : []),
  ]
}
