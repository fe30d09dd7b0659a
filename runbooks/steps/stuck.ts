import { bind, CLUSTER } from '../../src/engine/model.ts'
import { stillStuck } from '../../src/operations/checks/still-stuck.ts'
import { stuckFinalizersRemoved } from '../../src/operations/stuck-finalizers-removed.ts'
import { stuckNamespacesFinalized } from '../../src/operations/stuck-namespaces-finalized.ts'
import { stuckPodsDeleted } from '../../src/operations/stuck-pods-deleted.ts'
import { stuckSandboxesStopped } from '../../src/operations/stuck-sandboxes-stopped.ts'
import { all, type Change, type Gate, minutes } from './step.ts'

const skippable = 'they go on hanging, and nothing else depends on it'

export const stopSandboxes: Change = {
  kind: 'change',
  id: 'stuck-sandboxes',
  title: 'Give pods in ContainerCreating another sandbox',
  why: 'Theirs was made by a network that is gone. Stopping it keeps the pod, its name and its node; deleting would not.',
  operation: bind(stuckSandboxesStopped, () => undefined),
  targets: all,
  order: 'parallel',
  risk: 'none: no container of theirs runs',
  timeoutMs: minutes(2),
  skippable,
}

export const deletePods: Change = {
  kind: 'change',
  id: 'stuck-pods',
  title: 'Delete pods that hang and that a controller makes anew',
  why: 'Their kubelet does not come to an end with them, so their controller cannot replace them, or counts what is dead.',
  operation: bind(stuckPodsDeleted, () => ({ owned: true })),
  targets: all,
  order: 'serial',
  risk: 'their nodes say that no container of them runs; what they left on a node stays until its kubelet cleans up',
  timeoutMs: minutes(2),
  skippable,
}

export const deleteBarePods: Change = {
  ...deletePods,
  id: 'stuck-bare-pods',
  title: 'Delete pods that hang and that NOBODY makes anew',
  why: 'They do not run and will not again. Skip it where they are still to be looked at.',
  operation: bind(stuckPodsDeleted, () => ({ owned: false })),
  risk: "no controller makes another: they are gone but for their manifests in the run's folder, and their logs with them",
}

export const removeFinalizers: Change = {
  kind: 'change',
  id: 'stuck-finalizers',
  title: 'Take off finalizers that nobody serves any more',
  why: 'The objects are deleted and wait for a controller that is gone. Those of Kubernetes itself stay.',
  operation: bind(stuckFinalizersRemoved, () => undefined),
  targets: () => [CLUSTER],
  order: 'serial',
  risk: 'what the controller would have cleaned up (a volume, a record, a machine elsewhere) stays: is it really gone for good?',
  timeoutMs: minutes(3),
  skippable,
}

export const finalizeNamespaces: Change = {
  kind: 'change',
  id: 'stuck-namespaces',
  title: 'Let namespaces go in which nothing remains',
  why: 'Everything was listed in every group of the API, and nothing is left. Their controller has its turn first.',
  operation: bind(stuckNamespacesFinalized, () => undefined),
  targets: () => [CLUSTER],
  order: 'serial',
  risk: 'something that comes into being in this moment stays in the store without its namespace',
  timeoutMs: minutes(15),
  skippable,
}

export const nothingStuck: Gate = {
  kind: 'gate',
  id: 'still-stuck',
  title: 'What still hangs is told',
  why: 'Steps may have been skipped, and not everything can be freed from here.',
  reads: ['stuck', 'kube', 'sandboxes', 'containers'],
  check: stillStuck,
  timeoutMs: minutes(1),
}
