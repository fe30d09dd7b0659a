import type { TaskContext } from '../../src/engine/model.ts'
import type { Facts } from '../../src/facts/facts.ts'
import { readStuck } from '../../src/facts/read-stuck.ts'
import type { World } from '../../src/operations/world.ts'
import type { StuckApi } from '../facts/stuck-api.ts'
import { someFacts } from './some-facts.ts'

/** Facts of a cluster whose API this is. Containerd answers on every node, and no container runs. */
export async function stuckFacts(api: StuckApi): Promise<Facts> {
  const facts = someFacts()
  for (const node of Object.values(facts.nodes)) node.containers = []
  return { ...facts, stuck: await readStuck(api.kube) }
}

/** A world of which only the API and the operator's disk are used; its clock runs as fast as it is waited for. */
export function stuckWorld(api: StuckApi, look: () => Promise<Facts> = () => stuckFacts(api)) {
  const kept = new Map<string, string>()
  let nowMs = 0
  const world = {
    kube: api.kube,
    look,
    backups: {
      put: async (target: string, name: string, bytes: Uint8Array) => {
        kept.set(`${target}/${name}`, Buffer.from(bytes).toString('utf8'))
      },
    },
    clock: {
      nowMs: () => nowMs,
      sleep: async (ms: number) => {
        nowMs += ms
      },
    },
  } as unknown as World
  const ending = new AbortController()
  const task = {
    runId: 'r',
    taskId: 't',
    signal: ending.signal,
    remainingMs: () => 1_000,
    say: () => undefined,
  } as unknown as TaskContext
  return { world, task, kept, ending, nowMs: () => nowMs }
}
