import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { Lab } from '../../../src/lab/lab.ts'

const addressOf = (lab: Lab, node: string) => lab.nodes.find((one) => one.name === node)?.address ?? ''

/** Whether sshd of a node takes a new connection of the operator's side. */
export async function reached(lab: Lab, node: string): Promise<boolean> {
  const argv = ['timeout', '2', 'bash', '-c', ': < "/dev/tcp/$0/22"', addressOf(lab, node)] as const
  return (await lab.run(argv)).code === 0
}

/** Tries nodes from the operator's side until `stop`, which gives for how long each was away at most, in ms. */
export function watchReach(lab: Lab, nodes: readonly string[]): { stop(): Promise<number[]> } {
  const script = fileURLToPath(new URL('watch-reach.ts', import.meta.url))
  const inside = [`--net=/run/netns/${lab.operatorNamespace}`, '--', process.execPath, script]
  const addresses = nodes.map((node) => addressOf(lab, node))
  const child = spawn('nsenter', [...inside, ...addresses], { stdio: ['pipe', 'pipe', 'inherit'] })
  const parts: Buffer[] = []
  child.stdout.on('data', (part: Buffer) => parts.push(part))
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  return {
    async stop() {
      child.stdin.end()
      await ended
      return z.array(z.number()).parse(JSON.parse(Buffer.concat(parts).toString()))
    },
  }
}
