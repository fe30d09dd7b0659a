import { z } from 'zod'
import { until } from '../../../src/lab/host.ts'
import type { Lab } from '../../../src/lab/lab.ts'
import { attemptsFromPod, type Outcome } from './attempts-from-pod.ts'
import { onNode, serverOf } from './lab-access.ts'

// How each cause is seen by plain commands, as the reports found it: independent of the product's own eyes.

export const kubectl = (lab: Lab, args: string): Promise<string> => onNode(lab, serverOf(lab), `k3s kubectl ${args}`)

export async function waitFor(what: string, timeoutMs: number, look: () => Promise<boolean>): Promise<void> {
  await until({ waitingFor: () => what, timeoutMs, everyMs: 250 }, async () => ((await look()) ? true : undefined))
}

const pods = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      spec: z.object({ nodeName: z.string() }),
      status: z.object({ podIP: z.string() }),
    }),
  ),
})

/** The pods with that label (`app=web`), by node. */
export async function addresses(lab: Lab, namespace: string, label: string): Promise<Map<string, string>> {
  const found = pods.parse(JSON.parse(await kubectl(lab, `-n ${namespace} get pods -l ${label} -o json`)))
  return new Map(found.items.map(({ spec, status }) => [spec.nodeName, status.podIP]))
}

const firstOf = async (lab: Lab, namespace: string, label: string): Promise<string> =>
  [...(await addresses(lab, namespace, label)).values()][0] ?? ''

async function fails(lab: Lab, address: string, how: Outcome): Promise<boolean> {
  const [outcome] = await attemptsFromPod(lab, { node: 's1', pod: 'homeassistant', address, port: 8080, count: 1 })
  return outcome === how
}

export const hasBareDrop = async (lab: Lab, node: string): Promise<boolean> =>
  (await onNode(lab, node, 'iptables-save -t filter')).includes('\n-A KUBE-FIREWALL -j DROP\n')

/** Syncs of kube-proxy on a node that found the xtables lock held. */
export async function failedSyncs(lab: Lab, node: string): Promise<number> {
  const metrics = await onNode(lab, node, 'curl -s http://127.0.0.1:10249/metrics')
  const total = /^kubeproxy_sync_proxy_rules_iptables_restore_failures_total\{.*\} (\d+)$/m.exec(metrics)?.[1]
  return Number(total)
}

/** Waits until the scenario has begun to hurt: CronJobs begin at the next full minute. What is always there is not waited for. */
export async function symptomOf(lab: Lab): Promise<void> {
  switch (lab.scenario) {
    case 'reject-gap':
    case 'home': {
      const address = await firstOf(lab, 'automation', 'app=vm-waker')
      return await waitFor('the first refusal', 120_000, () => fails(lab, address, 'refused'))
    }
    case 'process-specific': {
      const address = (await addresses(lab, 'devices', 'app=ccu3')).get('s2') ?? ''
      return await waitFor('the first block of failures', 60_000, () => fails(lab, address, 'unreachable'))
    }
    case 'rule-conflict':
      await waitFor('a bare DROP', 60_000, () => hasBareDrop(lab, 'a1'))
      return await waitFor('a sync that failed', 120_000, async () => (await failedSyncs(lab, 'a1')) > 0)
    default:
  }
}
