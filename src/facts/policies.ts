import { z } from 'zod'

/** The API leaves out what is empty. */
const absent = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((value) => value ?? [])

const selectorSchema = z.object({
  matchLabels: z
    .record(z.string(), z.string())
    .nullish()
    .transform((value) => value ?? {}),
  matchExpressions: absent(z.object({ key: z.string(), operator: z.string(), values: absent(z.string()) })),
})
export type LabelSelector = z.infer<typeof selectorSchema>

const peerSchema = z.object({
  podSelector: selectorSchema.nullish().transform((value) => value ?? null),
  namespaceSelector: selectorSchema.nullish().transform((value) => value ?? null),
  ipBlock: z
    .object({ cidr: z.string(), except: absent(z.string()) })
    .nullish()
    .transform((value) => value ?? null),
})
export type PolicyPeer = z.infer<typeof peerSchema>

const portSchema = z.object({
  protocol: z
    .string()
    .nullish()
    .transform((value) => value ?? 'TCP'),
  /** A number, a container port's name, or null: every port. */
  port: z
    .union([z.number(), z.string()])
    .nullish()
    .transform((value) => value ?? null),
  endPort: z
    .number()
    .nullish()
    .transform((value) => value ?? null),
})

/** NetworkPolicy.spec (networking.k8s.io/v1). No peers or no ports in a rule: all of them. */
export const policySpecSchema = z.object({
  podSelector: selectorSchema.nullish().transform((value) => value ?? { matchLabels: {}, matchExpressions: [] }),
  /** null: Ingress, and Egress when it has egress rules. */
  policyTypes: z
    .array(z.string())
    .nullish()
    .transform((value) => value ?? null),
  ingress: absent(z.object({ from: absent(peerSchema), ports: absent(portSchema) })),
  egress: absent(z.object({ to: absent(peerSchema), ports: absent(portSchema) })),
})
export type PolicySpec = z.infer<typeof policySpecSchema>
