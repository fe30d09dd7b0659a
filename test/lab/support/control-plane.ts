import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { until } from '../../../src/lab/host.ts'
import type { Lab } from '../../../src/lab/lab.ts'
import { addressesOfServers, kubeconfigOf, serverOf } from './lab-access.ts'

const seen = z.object({
  looks: z.number(),
  away: z.array(z.object({ startMs: z.number(), endMs: z.number() })),
})

export interface Watched {
  /** How often it was looked. */
  looks: number
  /** From the last time that some server was ready to the next, in sum. */
  awayMs: number
}

/** Watches from the operator's side whether any server is ready, until `stop`. */
export async function watchControlPlane(lab: Lab): Promise<{ stop(): Promise<Watched> }> {
  const kubeconfig = `${lab.stateDir}/watch.kubeconfig`
  writeFileSync(kubeconfig, await kubeconfigOf(lab), { mode: 0o600 })
  const script = fileURLToPath(new URL('watch-control-plane.ts', import.meta.url))
  const inside = ['nsenter', `--net=/run/netns/${lab.operatorNamespace}`, '--']
  const [program = '', ...args] = [...inside, process.execPath, script, kubeconfig, ...addressesOfServers(lab)]
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const parts: Buffer[] = []
  child.stdout.on('data', (part: Buffer) => parts.push(part))
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  return {
    async stop() {
      child.stdin.end()
      await ended
      const { looks, away } = seen.parse(JSON.parse(Buffer.concat(parts).toString()))
      return { looks, awayMs: away.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0) }
    },
  }
}

/** One command of an operator's, over ssh as everybody has it. */
async function overSsh(lab: Lab, address: string, command: string): Promise<void> {
  const own = ['-i', `${lab.stateDir}/id_ed25519`, '-o', `UserKnownHostsFile=${lab.stateDir}/known_hosts`]
  const { code, stderr } = await lab.run(['ssh', ...own, '-o', 'BatchMode=yes', `root@${address}`, command])
  if (code !== 0) throw new Error(`${address}: ${command} ended with ${code}: ${stderr}`)
}

/**
 * What it takes to restart K3s on the whole cluster by hand, as the migration must: agents, servers, all at once again; over
 * ssh, one command after the other, as fast as a loop in a shell.
 */
export async function restartK3s(lab: Lab): Promise<Watched> {
  const watch = await watchControlPlane(lab)
  const [servers, agents] = (['server', 'agent'] as const).map((role) => lab.nodes.filter((node) => node.role === role))
  for (const node of agents ?? []) await overSsh(lab, node.address, 'systemctl stop k3s-agent')
  for (const node of servers ?? []) await overSsh(lab, node.address, 'systemctl stop k3s')
  for (const node of servers ?? []) await overSsh(lab, node.address, 'systemctl start --no-block k3s')
  await until({ waitingFor: () => 'K3s on every server', timeoutMs: 180_000, everyMs: 250 }, async () => {
    const states = await Promise.all(
      (servers ?? []).map(({ name }) => lab.exec(name, ['systemctl', 'is-active', 'k3s'])),
    )
    return states.every(({ code }) => code === 0) ? true : undefined
  })
  for (const node of agents ?? []) await overSsh(lab, node.address, 'systemctl start k3s-agent')
  await until({ waitingFor: () => 'every node to be Ready', timeoutMs: 180_000, everyMs: 500 }, async () => {
    const { stdout } = await lab.exec(serverOf(lab), ['k3s', 'kubectl', 'get', 'nodes', '--no-headers'])
    const ready = stdout.split('\n').filter((line) => /^\S+ +Ready /.test(line))
    return ready.length === lab.nodes.length ? true : undefined
  })
  return watch.stop()
}
