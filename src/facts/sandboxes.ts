import { z } from 'zod'
import { FailedError } from '../errors.ts'
import type { Family } from './family.ts'
import { parseJson } from './ip-json.ts'

/** Pod sandboxes of the container runtime (`k3s crictl pods`, `inspectp`); null while containerd does not answer. */
export const sandboxSchema = z.object({
  id: z.string(),
  namespace: z.string(),
  name: z.string(),
  uid: z.string(),
  ready: z.boolean(),
  createdMs: z.number(),
  /** null: host network. '': the runtime no longer says, as for one that is not ready. */
  netns: z.string().nullable(),
  ip: z.string().nullable(),
})
export const sandboxesSchema = z.array(sandboxSchema).nullable()
export type Sandbox = z.infer<typeof sandboxSchema>
export type SandboxesFacts = z.infer<typeof sandboxesSchema>

const metadata = z.object({ name: z.string(), namespace: z.string(), uid: z.string() })

/** `crictl pods -o json`. */
const listed = z.object({
  items: z
    .array(
      z.object({
        id: z.string(),
        metadata,
        state: z.string(),
        /** Nanoseconds since 1970. */
        createdAt: z.string().regex(/^\d+$/),
      }),
    )
    .nullish(),
})

/** `crictl inspectp -o json`. */
const inspected = z.object({
  status: z.object({
    id: z.string(),
    network: z.object({ ip: z.string().nullish() }).nullish(),
    linux: z
      .object({
        namespaces: z.object({ options: z.object({ network: z.union([z.string(), z.number()]).nullish() }) }).nullish(),
      })
      .nullish(),
  }),
  info: z
    .object({
      runtimeSpec: z
        .object({
          linux: z
            .object({ namespaces: z.array(z.object({ type: z.string(), path: z.string().nullish() })).nullish() })
            .nullish(),
        })
        .nullish(),
    })
    .nullish(),
})

/** One object, a list of them (crictl since 1.31), or several objects one after the other (before). */
export function jsonValues(name: string, text: string): unknown[] {
  const values: unknown[] = []
  let depth = 0
  let from = 0
  // Strings are matched whole, so brackets inside of them do not count.
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (match[0] === '{' || match[0] === '[') {
      if (depth++ === 0) from = match.index
    } else if ((match[0] === '}' || match[0] === ']') && --depth === 0) {
      values.push(parseJson(name, text.slice(from, match.index + 1)))
    }
  }
  if (depth !== 0) throw new FailedError(`${name}: expected JSON, and it is cut off`)
  return values.flat()
}

const hostNetwork = 'NODE'

/** All sandboxes, with the network namespace that each has. One that ended between the two questions is left out. */
export const sandboxesFamily: Family<SandboxesFacts> = {
  script: `
sandboxes_said=$(timeout 20 k3s crictl pods -o json 2>/dev/null)
sandboxes_code=$?
list_sandboxes() { printf '%s' "$sandboxes_said"; return $sandboxes_code; }
inspect_sandboxes() {
  [ $sandboxes_code = 0 ] || return 1
  ids=$(printf '%s' "$sandboxes_said" | grep -oE '"id": *"[0-9a-f]{64}"' | cut -d'"' -f4)
  [ -n "$ids" ] || return 0
  # One that has gone meanwhile fails them all: then one by one.
  timeout 30 k3s crictl inspectp -o json $ids || for id in $ids; do timeout 10 k3s crictl inspectp -o json "$id"; done
  return 0
}
emit sandboxes.list list_sandboxes
emit sandboxes.inspect inspect_sandboxes
`,
  parse(sections) {
    const text = sections.optional('sandboxes.list')
    const details = sections.optional('sandboxes.inspect')
    if (text === null || details === null) return null
    const byId = new Map(
      jsonValues('sandboxes.inspect', details).map((value) => {
        const one = inspected.parse(value)
        return [one.status.id, one] as const
      }),
    )
    return (listed.parse(parseJson('sandboxes.list', text)).items ?? []).flatMap((item) => {
      const detail = byId.get(item.id)
      if (!detail) return []
      const namespaces = detail.info?.runtimeSpec?.linux?.namespaces ?? []
      const onHost = detail.status.linux?.namespaces?.options.network === hostNetwork
      return [
        {
          id: item.id,
          ...item.metadata,
          ready: item.state === 'SANDBOX_READY',
          createdMs: Number(BigInt(item.createdAt) / 1_000_000n),
          netns: onHost ? null : (namespaces.find((one) => one.type === 'network')?.path ?? ''),
          ip: detail.status.network?.ip || null,
        },
      ]
    })
  },
}
