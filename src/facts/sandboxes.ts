import { z } from 'zod'

/** Pod sandboxes of the container runtime (`k3s crictl pods`, `inspectp`); null while containerd does not answer. */
export const sandboxSchema = z.object({
  id: z.string(),
  namespace: z.string(),
  name: z.string(),
  uid: z.string(),
  ready: z.boolean(),
  createdMs: z.number(),
  /** null: host network. */
  netns: z.string().nullable(),
  ip: z.string().nullable(),
})
export const sandboxesSchema = z.array(sandboxSchema).nullable()
export type Sandbox = z.infer<typeof sandboxSchema>
export type SandboxesFacts = z.infer<typeof sandboxesSchema>
