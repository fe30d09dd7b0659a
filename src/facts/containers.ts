import { z } from 'zod'
import type { Family } from './family.ts'
import { parseJson } from './ip-json.ts'

/**
 * Containers that run, or that the runtime cannot say have ended (`k3s crictl ps -a`), by the pod that they are of; null while
 * containerd does not answer. A pod's sandbox is no container here.
 */
export const containersSchema = z.array(z.object({ podUid: z.string(), name: z.string() })).nullable()
export type ContainersFacts = z.infer<typeof containersSchema>

const listed = z.object({
  containers: z
    .array(
      z.object({
        metadata: z.object({ name: z.string() }),
        state: z.string(),
        /** Absent where somebody made it by hand. */
        labels: z.object({ 'io.kubernetes.pod.uid': z.string().nullish() }).nullish(),
      }),
    )
    .nullish(),
})

/** What is created may start, and of what is unknown nobody knows: only this one is over. */
const ended = 'CONTAINER_EXITED'

export const containersFamily: Family<ContainersFacts> = {
  script: `
emit containers.list timeout 20 k3s crictl ps -a -o json
`,
  parse(sections) {
    const text = sections.optional('containers.list')
    if (text === null) return null
    return (listed.parse(parseJson('containers.list', text)).containers ?? []).flatMap(
      ({ metadata, state, labels }) => {
        const podUid = labels?.['io.kubernetes.pod.uid']
        return state === ended || !podUid ? [] : [{ podUid, name: metadata.name }]
      },
    )
  },
}
