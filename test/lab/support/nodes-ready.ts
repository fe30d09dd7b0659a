import { until } from '../../../src/lab/host.ts'
import type { Lab } from '../../../src/lab/lab.ts'

/** Asks a server that is up. */
export async function everyNodeReady(lab: Lab, server: string): Promise<void> {
  const count = "k3s kubectl get nodes --no-headers | grep -c ' Ready '"
  await until({ waitingFor: () => 'every node to be Ready', timeoutMs: 180_000, everyMs: 1_000 }, async () =>
    (await lab.exec(server, ['sh', '-c', count])).stdout === `${lab.nodes.length}\n` ? true : undefined,
  )
}
