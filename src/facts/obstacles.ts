import { z } from 'zod'
import { FailedError } from '../errors.ts'
import type { KubeApi } from '../kube/api.ts'
import { KubeError, KubeUnreachableError } from '../kube/errors.ts'

/** Objects of the API that can keep pods from moving, or suffer when they do. Read for pre-flight only. */
export const obstaclesSchema = z.object({
  /** What could not be read, and why; its list is then empty. */
  unread: z.record(z.string(), z.string()),
  disruptionBudgets: z.array(
    z.object({ namespace: z.string(), name: z.string(), allowed: z.number(), healthy: z.number(), wanted: z.number() }),
  ),
  /** Admission webhooks that fail closed. `service` is null for those outside of the cluster. */
  webhooks: z.array(
    z.object({
      kind: z.string(),
      configuration: z.string(),
      name: z.string(),
      service: z.object({ namespace: z.string(), name: z.string() }).nullable(),
      /** Resources it is asked about, `*` for all. */
      resources: z.array(z.string()),
    }),
  ),
  /** Argo CD Applications that put back by themselves what differs. */
  argo: z.array(z.object({ namespace: z.string(), name: z.string() })),
  volumes: z.array(
    z.object({
      name: z.string(),
      /** `namespace/name` of the claim; null: unbound. */
      claim: z.string().nullable(),
      /** `nfs`, a CSI driver's name, `local`, ... */
      kind: z.string(),
      accessModes: z.array(z.string()),
    }),
  ),
})
export type ObstaclesFacts = z.infer<typeof obstaclesSchema>

const metadata = z.object({ name: z.string(), namespace: z.string().nullish() })
const count = z
  .number()
  .nullish()
  .transform((value) => value ?? 0)

const budget = z.object({
  metadata,
  status: z
    .object({ disruptionsAllowed: count, currentHealthy: count, desiredHealthy: count, expectedPods: count })
    .nullish(),
})

const webhookConfiguration = z.object({
  metadata,
  webhooks: z
    .array(
      z.object({
        name: z.string(),
        failurePolicy: z.string().nullish(),
        clientConfig: z.object({ service: z.object({ namespace: z.string(), name: z.string() }).nullish() }),
        rules: z.array(z.object({ resources: z.array(z.string()).nullish() })).nullish(),
      }),
    )
    .nullish(),
})

const application = z.object({
  metadata,
  spec: z.object({ syncPolicy: z.object({ automated: z.unknown().optional() }).nullish() }).nullish(),
})

const volume = z.object({
  metadata,
  spec: z.object({
    accessModes: z.array(z.string()).nullish(),
    claimRef: z.object({ namespace: z.string().nullish(), name: z.string().nullish() }).nullish(),
    nfs: z.unknown().optional(),
    csi: z.object({ driver: z.string() }).nullish(),
    local: z.unknown().optional(),
    hostPath: z.unknown().optional(),
    iscsi: z.unknown().optional(),
  }),
})

function volumeKind({ nfs, csi, local, hostPath, iscsi }: z.infer<typeof volume>['spec']): string {
  if (csi) return csi.driver
  if (nfs) return 'nfs'
  if (iscsi) return 'iscsi'
  return local ? 'local' : hostPath ? 'hostPath' : 'other'
}

/**
 * Reads them from the API. A kind that the cluster does not serve has no objects; one that cannot be read (forbidden, the
 * API away) is named in `unread`.
 */
export async function readObstacles(api: KubeApi): Promise<ObstaclesFacts> {
  const unread: ObstaclesFacts['unread'] = {}
  const list = async <S extends z.ZodType>(apiVersion: string, kind: string, schema: S): Promise<z.infer<S>[]> => {
    try {
      return (await api.list({ apiVersion, kind })).map((object) => {
        const parsed = schema.safeParse(object)
        if (parsed.success) return parsed.data
        throw new FailedError(`${kind} ${object.metadata.name} has a form that is not known here`)
      })
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return []
      if (!(error instanceof KubeError || error instanceof KubeUnreachableError || error instanceof FailedError))
        throw error
      unread[kind] = error.message
      return []
    }
  }
  const kinds = ['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration']
  const [budgets, argo, volumes, ...configurations] = await Promise.all([
    list('policy/v1', 'PodDisruptionBudget', budget),
    list('argoproj.io/v1alpha1', 'Application', application),
    list('v1', 'PersistentVolume', volume),
    ...kinds.map((kind) => list('admissionregistration.k8s.io/v1', kind, webhookConfiguration)),
  ])
  return {
    unread,
    disruptionBudgets: budgets
      .filter(({ status }) => (status?.expectedPods ?? 0) > 0)
      .map(({ metadata: { name, namespace }, status }) => ({
        namespace: namespace ?? '',
        name,
        allowed: status?.disruptionsAllowed ?? 0,
        healthy: status?.currentHealthy ?? 0,
        wanted: status?.desiredHealthy ?? 0,
      })),
    webhooks: kinds.flatMap((kind, index) =>
      (configurations[index] ?? []).flatMap((configuration) =>
        (configuration.webhooks ?? [])
          // The default since admissionregistration v1.
          .filter(({ failurePolicy }) => (failurePolicy ?? 'Fail') === 'Fail')
          .map(({ name, clientConfig, rules }) => ({
            kind,
            configuration: configuration.metadata.name,
            name,
            service: clientConfig.service
              ? { namespace: clientConfig.service.namespace, name: clientConfig.service.name }
              : null,
            resources: [...new Set((rules ?? []).flatMap((rule) => rule.resources ?? []))].sort(),
          })),
      ),
    ),
    argo: argo
      .filter(({ spec }) => spec?.syncPolicy?.automated !== undefined && spec.syncPolicy.automated !== null)
      .map(({ metadata: { name, namespace } }) => ({ namespace: namespace ?? '', name })),
    volumes: volumes.map(({ metadata: { name }, spec }) => ({
      name,
      claim: spec.claimRef?.name ? `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name}` : null,
      kind: volumeKind(spec),
      accessModes: spec.accessModes ?? [],
    })),
  }
}
