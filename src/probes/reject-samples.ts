import { z } from 'zod'

/** What kube-router's chains on a node were at one time. */
export interface RejectSample {
  /** By the node's clock. */
  readonly atMs: number
  /** By rule set: another one means that kube-router has written its chains anew. */
  readonly generations: ReadonlyMap<string, string>
  /** Packets refused so far by a pod's chain, by `SET CHAIN`: a chain of another name counts from zero. */
  readonly counters: ReadonlyMap<string, PodCount>
  /** Every policy's chain has a rule, also of one that allows nothing: an empty one is a gap (reject-sampler-script.ts). */
  readonly emptyIsGap: boolean
  /** By `SET CHAIN`. */
  readonly gaps: ReadonlyMap<string, PodGap>
}

interface PodName {
  readonly namespace: string
  readonly pod: string
}
type PodCount = PodName & { readonly count: number }
type PodGap = PodName & {
  readonly what: 'policy-chain-missing' | 'policy-chain-empty'
  /** Whatever the version: otherwise only where `emptyIsGap`. */
  readonly certain: boolean
}

/** What one run of the sampler on the node said. Times by the node's clock. */
export interface Slice {
  beginMs: number
  /** null: the connection was lost before its end. */
  endMs: number | null
  /** When the next sample may be taken. */
  dueMs: number | null
  cpuMs: number
  samples: RejectSample[]
  /** In iptables-save's words, why a sample could not be taken. */
  failures: string[]
}

const epochMs = z.string().regex(/^\d{13}$/)
const milliseconds = z.string().regex(/^\d{1,9}$/)
const setName = z.enum(['ip-nft', 'ip-legacy', 'ip6-nft', 'ip6-legacy'])
const chain = z.string().regex(/^KUBE-POD-FW-[A-Z2-7]{16}$/)
// The words come out of a rule's comment, which anybody on the node may have written.
const objectName = z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/)

const headLine = z.union([
  z.tuple([z.literal('begin'), epochMs]),
  z.tuple([z.literal('sample'), epochMs, milliseconds, z.enum(['new', 'same'])]),
  z.tuple([z.literal('failed'), epochMs, milliseconds, z.string().max(400)]),
  z.tuple([z.literal('end'), epochMs, epochMs]),
])
const stateLine = z.union([
  z.tuple([z.literal('G'), setName, z.string().max(120)]),
  z.tuple([z.literal('R'), setName, chain, z.string().regex(/^\d{1,16}$/), objectName, objectName]),
  z.tuple([z.literal('L'), setName]),
  z.tuple([z.enum(['M', 'D', 'E']), setName, chain, objectName, objectName]),
])

/** The sampler's lines (reject-sampler-script.ts). What a lost connection cut off is left out; null: not even a beginning. */
export function parseSlice(text: string): Slice | null {
  // What stands behind the last line end is not a line.
  const lines = text.split('\n').slice(0, -1)
  let slice: Slice | null = null
  for (let at = 0; at < lines.length; at++) {
    const head = headLine.safeParse((lines[at] ?? '').split(' ')).data
    if (head?.[0] === 'begin')
      slice ??= { beginMs: Number(head[1]), endMs: null, dueMs: null, cpuMs: 0, samples: [], failures: [] }
    if (!head || !slice) continue
    if (head[0] === 'end') {
      slice.endMs = Number(head[1])
      slice.dueMs = Number(head[2])
    } else if (head[0] === 'failed') {
      slice.cpuMs = Number(head[2])
      slice.failures.push(Buffer.from(head[3], 'base64').toString('utf8'))
    } else if (head[0] === 'sample') {
      const atMs = Number(head[1])
      const last = slice.samples.at(-1)
      if (head[3] === 'new') {
        const end = lines.indexOf('.', at + 1)
        if (end < 0) break
        slice.samples.push(parseState(atMs, lines.slice(at + 1, end)))
        at = end
      } else if (last) slice.samples.push({ ...last, atMs })
      slice.cpuMs = Number(head[2])
    }
  }
  return slice
}

function parseState(atMs: number, lines: readonly string[]): RejectSample {
  const generations = new Map<string, string>()
  const counters = new Map<string, PodCount>()
  const gaps = new Map<string, PodGap>()
  let emptyIsGap = false
  for (const line of lines) {
    const words = stateLine.safeParse(line.split(' ')).data
    if (!words) continue
    if (words[0] === 'G') generations.set(words[1], words[2])
    else if (words[0] === 'L') emptyIsGap = true
    else if (words[0] === 'R') {
      const [, set, name, count, namespace, pod] = words
      counters.set(`${set} ${name}`, { namespace, pod, count: Number(count) })
    } else {
      const [kind, set, name, namespace, pod] = words
      gaps.set(`${set} ${name}`, {
        namespace,
        pod,
        what: kind === 'M' ? 'policy-chain-missing' : 'policy-chain-empty',
        certain: kind !== 'E',
      })
    }
  }
  return { atMs, generations, counters, emptyIsGap, gaps }
}

/** What is new in a sample. */
export interface Difference {
  /** Packets refused since the sample before, at least: what was counted between it and a reset is not known. */
  increments: readonly PodCount[]
  /** kube-router has written its chains anew since the sample before. */
  reconciled: boolean
  /** Gaps that the sample before did not show. */
  gaps: readonly PodGap[]
}

/**
 * A counter belongs to its chain: one of a new name began at zero, because a sync gives every chain a new name and restores
 * the whole table (k3s-kube-router.md §4.3, §4.4). One of the same name that has become less was set to zero by somebody's
 * restore. Nothing is counted twice, and nothing that stood there before the first sample (null) is counted.
 */
export function difference(before: RejectSample | null, sample: RejectSample): Difference {
  const increments = [...sample.counters].flatMap(([key, { namespace, pod, count }]) => {
    const earlier = before?.counters.get(key)?.count ?? 0
    const added = before === null ? 0 : count >= earlier ? count - earlier : count
    return added > 0 ? [{ namespace, pod, count: added }] : []
  })
  return {
    increments,
    reconciled:
      before !== null &&
      [...sample.generations].some(([set, generation]) => before.generations.get(set) !== generation),
    gaps: [...sample.gaps].flatMap(([key, gap]) => (before?.gaps.get(key)?.what === gap.what ? [] : [gap])),
  }
}
