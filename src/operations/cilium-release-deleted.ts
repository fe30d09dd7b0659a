import { CLUSTER, type Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import type { KindRef, KubeApi, KubeObject } from '../kube/api.ts'
import { chartObject } from './cilium-chart-object.ts'
import { releaseGone } from './cilium-release.ts'
import { deleteOwnKinds, isOwnKind } from './cilium-uninstalled.ts'
import { admission, type Labels, labelsTaken, onCilium } from './labels.ts'
import type { World } from './world.ts'

interface ReleaseChange {
  /** Whether K3s' helm controller uninstalls it. */
  byObject: boolean
  version: string | null
}

const namespace = 'kube-system'
const secret = { apiVersion: 'v1', kind: 'Secret' }
const rbac = 'rbac.authorization.k8s.io/v1'
/** What the chart is made of besides agents and operator. Kinds of add-ons (IngressClass, monitors) do nothing alone. */
const kinds: readonly KindRef[] = [
  ...['ConfigMap', 'Service', 'ServiceAccount', 'Secret'].map((kind) => ({ apiVersion: 'v1', kind })),
  ...['DaemonSet', 'Deployment'].map((kind) => ({ apiVersion: 'apps/v1', kind })),
  ...['Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding'].map((kind) => ({ apiVersion: rbac, kind })),
]

/** As helm marks what it has made (helm's pkg/action/validate.go). */
const isOfRelease = ({ metadata: { annotations = {} } }: KubeObject): boolean =>
  annotations['meta.helm.sh/release-name'] === 'cilium' && annotations['meta.helm.sh/release-namespace'] === namespace

/** All that says it is of the release, then helm's records of it: whoever is interrupted in between finds them, and goes on. */
async function deleteObjects(kube: KubeApi): Promise<void> {
  for (const kind of kinds)
    for (const { metadata } of (await kube.list(kind)).filter(isOfRelease))
      await kube.delete(kind, metadata.name, metadata.namespace)
  for (const { metadata } of await kube.list(secret, { namespace, labelSelector: 'owner=helm,name=cilium' }))
    await kube.delete(secret, metadata.name, namespace)
}

const node = { apiVersion: 'v1', kind: 'Node' }
const marks = { ...admission, ...onCilium }
const isMark = ([key, value]: readonly [string, string]): boolean => Reflect.get(marks, key) === value
const isMarked = ({ labels = {} }: { labels?: Labels }): boolean => Object.entries(labels).some(isMark)
const withoutMarks = (labels: Labels) => Object.fromEntries(Object.entries(labels).filter((label) => !isMark(label)))

async function unmarkNodes(kube: KubeApi): Promise<void> {
  for (const { metadata } of await kube.list(node))
    if (isMarked(metadata))
      await kube.patch(node, metadata.name, undefined, { metadata: { labels: labelsTaken(marks) } })
}

/**
 * What is left of a Cilium whose agents were removed, whoever installed it and however far that came: a release that is
 * `pending` or `failed` as well, and without the helm that made it, which is on another machine.
 */
export const ciliumReleaseDeleted: Operation<Facts, World, undefined, ReleaseChange> = {
  name: 'cilium.release-deleted',
  reads: ['kube'],
  diff({ kube: { cilium, nodes } }) {
    const { chart, config, kinds } = cilium
    const isThere = chart !== null || config !== null || kinds.some(isOwnKind) || nodes.some(isMarked)
    if (!isThere) return null
    return { byObject: chart?.by === 'helm-chart-object', version: chart?.version ?? null }
  },
  predict: (facts) => ({
    ...facts,
    kube: {
      ...facts.kube,
      nodes: facts.kube.nodes.map((node) => ({ ...node, labels: withoutMarks(node.labels) })),
      cilium: {
        ...facts.kube.cilium,
        ...{ chart: null, config: null, kinds: facts.kube.cilium.kinds.filter((kind) => !isOwnKind(kind)) },
      },
    },
  }),
  fingerprint: () => 'what is left of the release',
  render: ({ byObject, version }) => ({
    summary: `delete what is left of Cilium ${version ?? ''} in the API${byObject ? ": K3s' helm controller uninstalls it" : ', as helm would, and its records of the release'}`,
    notes: [
      'its endpoints, identities and nodes go with their kinds; policies of its own kinds stay',
      'marks that kept it to some nodes are taken off them: a later run begins with its canary again',
    ],
  }),
  async apply(world, _target, { byObject }, task) {
    if (byObject) await chartObject(world).remove(task)
    await deleteObjects(world.kube)
    await releaseGone(world, task)
    await deleteOwnKinds(world.kube)
    await unmarkNodes(world.kube)
  },
  async verify(world) {
    const facts = await world.look(['kube'])
    const { cilium, reachable, error } = facts.kube
    if (!reachable) throw new FailedError(`the API does not answer: ${error ?? 'no reason given'}`)
    if (cilium.daemonSet || ciliumReleaseDeleted.diff(facts, CLUSTER, undefined))
      throw new FailedError("Cilium's release is still there")
  },
  undo: {
    impossible: 'its agents are gone; once the cause is mended, k3s-flannel-to-cilium installs them anew',
  },
}
