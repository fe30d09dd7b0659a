/** Uses the practice cluster's API with @kubernetes/client-node, and prints what it saw as JSON. Argument: a kubeconfig. */
import * as k8s from '@kubernetes/client-node'

const config = new k8s.KubeConfig()
config.loadFromFile(process.argv[2] ?? '')
const core = config.makeApiClient(k8s.CoreV1Api)
const objects = k8s.KubernetesObjectApi.makeApiClient(config)
const coordination = config.makeApiClient(k8s.CoordinationV1Api)
const saw: Record<string, unknown> = {}

saw.nodes = (await core.listNode()).items.map((node) => node.metadata?.name).sort()
saw.podsOfS1 = (await core.listPodForAllNamespaces({ fieldSelector: 'spec.nodeName=s1' })).items.every(
  (pod) => pod.spec?.nodeName === 's1',
)

const chart = {
  apiVersion: 'helm.cattle.io/v1',
  kind: 'HelmChart',
  metadata: { name: 'none', namespace: 'default' },
  spec: { chart: 'none' },
}
saw.created = (await objects.create(chart)).metadata?.name
const changed = { ...chart, spec: { chart: 'other' } }
saw.patched = await objects
  .patch(changed, undefined, undefined, undefined, undefined, k8s.PatchStrategy.MergePatch)
  .then((one: k8s.KubernetesObject) => one.metadata?.generation)
await objects.delete(chart)

const suspend = [{ op: 'replace', path: '/spec/suspend', value: true }]
const batch = config.makeApiClient(k8s.BatchV1Api)
saw.suspended = (await batch.patchNamespacedCronJob({ name: 'report', namespace: 'data', body: suspend })).spec?.suspend

const lease = await coordination.createNamespacedLease({
  namespace: 'default',
  body: { metadata: { name: 'lock' }, spec: { holderIdentity: 'a', renewTime: new k8s.V1MicroTime() } },
})
const replace = () => coordination.replaceNamespacedLease({ namespace: 'default', name: 'lock', body: lease })
await replace()
await coordination.replaceNamespacedLease({
  namespace: 'default',
  name: 'lock',
  body: { ...lease, metadata: { name: 'lock' }, spec: { holderIdentity: 'b' } },
})
saw.conflict = await replace().then(
  () => 'none',
  (error: k8s.ApiException<unknown>) => error.code,
)

const [pod] = (await core.listNamespacedPod({ namespace: 'shop', labelSelector: 'app=web' })).items
const name = pod?.metadata?.name ?? ''
const gone = Promise.withResolvers<string>()
const request = await new k8s.Watch(config).watch(
  '/api/v1/namespaces/shop/pods',
  { labelSelector: 'app=web' },
  (type, one) => type === 'DELETED' && one.metadata.name === name && gone.resolve(type),
  () => gone.reject(new Error('the watch ended')),
)
await core.createNamespacedPodEviction({ name, namespace: 'shop', body: { metadata: { name, namespace: 'shop' } } })
saw.evicted = await gone.promise
request.abort()
console.log(JSON.stringify(saw))
process.exit(0)
