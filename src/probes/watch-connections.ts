import { MigrateError } from '../errors.ts'
import type { Node, Nodes } from '../nodes/node.ts'
import { mustRun, script } from '../nodes/run.ts'
import { type Attempt, parseAttempts } from './attempts.ts'
import { finishProbe, type Pace, probeContinuously, probeFolder, stopProbe } from './continuous.ts'
import type { Target } from './pairs.ts'
import { claimWatch, type ProbeOwner, removeWatch } from './probe-owner.ts'

const timeoutMs = 30_000
const pieceBytes = 4 * 1024 * 1024

/** Probing on all nodes for a time. It goes on through lost connections, and ends by itself when nobody comes back. */
export interface ConnectionWatch {
  /** Starts it, or tells the nodes where the pods are now. */
  point(targets: ReadonlyMap<string, readonly Target[]>): Promise<void>
  /** What was seen since it was asked last, by the nodes' clocks. A node that cannot be asked now is asked again later. */
  read(): Promise<SeenOnNode[]>
  /**
   * Ends it when the attempts that were begun have ended, gives what was not read yet, and removes its traces from the nodes. The second time it does nothing.
   * `problems`: nodes that could not be asked, in words.
   */
  end(): Promise<{ seen: SeenOnNode[]; problems: string[] }>
}

export interface SeenOnNode {
  node: string
  attempts: Attempt[]
  /** Lines that could not be read. */
  broken: number
}

export function watchConnections(nodes: Nodes, watch: string, owner: ProbeOwner, pace: Pace): ConnectionWatch {
  const offsets = new Map<string, number>()
  const started = new Set<string>()
  let ended = false

  async function readOn(node: Node): Promise<SeenOnNode> {
    const seen: SeenOnNode = { node: node.name, attempts: [], broken: 0 }
    for (;;) {
      const offset = offsets.get(node.name) ?? 0
      const piece = await readPiece(node, watch, offset)
      // The last line may be half written.
      const whole = piece.slice(0, piece.lastIndexOf('\n') + 1)
      const { attempts, broken } = parseAttempts(whole)
      for (const attempt of attempts) seen.attempts.push(attempt)
      seen.broken += broken
      offsets.set(node.name, offset + Buffer.byteLength(whole))
      if (whole === '' || Buffer.byteLength(piece) < pieceBytes) return seen
    }
  }

  return {
    async point(targets) {
      await Promise.all(
        nodes.names.map(async (name) => {
          const list = targets.get(name) ?? []
          if (list.length === 0 && !started.has(name)) return
          const node = nodes.get(name)
          if (!started.has(name)) await claimWatch(node, watch, owner)
          started.add(name)
          await probeContinuously(node, watch, list, pace)
        }),
      )
    },

    async read() {
      const results = await Promise.allSettled([...started].map((name) => readOn(nodes.get(name))))
      return results.flatMap((result) => {
        if (result.status === 'fulfilled') return [result.value]
        if (result.reason instanceof MigrateError) return []
        throw result.reason
      })
    },

    async end() {
      if (ended) return { seen: [], problems: [] }
      ended = true
      const results = await Promise.allSettled(
        [...started].map(async (name) => {
          const node = nodes.get(name)
          await finishProbe(node, watch, pace)
          const seen = (await stopProbe(node, watch)) ? await readOn(node) : null
          await removeWatch(node, watch)
          return seen
        }),
      )
      const problems = results.flatMap((result) => {
        if (result.status === 'fulfilled') return []
        if (result.reason instanceof MigrateError) return [result.reason.message]
        throw result.reason
      })
      const seen = results.flatMap((result) => (result.status === 'fulfilled' && result.value ? [result.value] : []))
      return { seen, problems }
    },
  }
}

const readScript = `[ ! -e "$1" ] || tail -c "+$2" -- "$1" | head -c "$3"`

/** From the byte `offset` on; '' at the end. The prober writes nothing but ASCII. */
async function readPiece(node: Node, watch: string, offset: number): Promise<string> {
  const args = [`${probeFolder(watch)}/results`, String(offset + 1), String(pieceBytes)]
  const command = script('read-attempts', readScript, args)
  return (await mustRun(node, { ...command, mode: 'read', timeoutMs })).stdout
}
