import { ApiError, type ApiObject } from '../context.ts'
import { Queue } from '../node/tasks.ts'
import { covers, disruption, isReady } from './disruption.ts'
import type { DeleteOptions, Operations } from './operations.ts'
import { builtInType } from './resources.ts'

/** Whether a pod may be evicted, as the API server decides: nothing, or the error that it answers with. */
export function evictionRefusal(
  pod: ApiObject,
  budgets: readonly ApiObject[],
  pods: readonly ApiObject[],
  controllers: readonly ApiObject[],
): ApiError | undefined {
  const goesAnyway = pod.metadata.deletionTimestamp !== undefined
  if (goesAnyway || ['Pending', 'Succeeded', 'Failed'].includes(pod.status?.phase)) return undefined
  const [budget, ...more] = budgets.filter((one) => covers(one, pod))
  if (budget === undefined) return undefined
  if (more.length > 0)
    return new ApiError(
      500,
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    )
  const { currentHealthy, desiredHealthy, disruptionsAllowed } = disruption(budget, pods, controllers)
  const enough = desiredHealthy > 0 && currentHealthy >= desiredHealthy
  if (!isReady(pod) && (enough || budget.spec.unhealthyPodEvictionPolicy === 'AlwaysAllow')) return undefined
  if (disruptionsAllowed > 0) return undefined
  const message = `The disruption budget ${budget.metadata.name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`
  return new ApiError(429, "Cannot evict pod as it would violate the pod's disruption budget.", [
    { reason: 'DisruptionBudget', message },
  ])
}

/** The Eviction subresource: deletes a pod where its budget allows that. */
export class Evictions {
  private readonly operations: Operations
  private readonly queue = new Queue()

  constructor(operations: Operations) {
    this.operations = operations
  }

  /** One after the other, so that each counts what the one before it took. */
  evict(namespace: string, name: string, options: DeleteOptions): Promise<void> {
    return this.queue.add(() => this.evictNow(namespace, name, options))
  }

  private async evictNow(namespace: string, name: string, options: DeleteOptions): Promise<void> {
    const itemsOf = async (plural: string) => (await this.operations.list(builtInType(plural), namespace)).items
    const pod = await this.operations.get(builtInType('pods'), namespace, name)
    const [budgets, pods, sets, deployments] = await Promise.all(
      ['poddisruptionbudgets', 'pods', 'replicasets', 'deployments'].map(itemsOf),
    )
    const refusal = evictionRefusal(pod, budgets ?? [], pods ?? [], [...(sets ?? []), ...(deployments ?? [])])
    if (refusal !== undefined) throw refusal
    await this.operations.delete(builtInType('pods'), namespace, name, options)
  }
}
