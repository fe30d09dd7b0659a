/**
 * Run on the operator's side of a lab: watches rejects, churn, signals and pod networks. Prints one JSON object. What it has
 * seen by now stands in the file of the last argument, a line each: `reconciles COUNT`, `VERB KIND NAME`.
 */
import { appendFileSync } from 'node:fs'
import { systemClock } from '../../../src/cli/session.ts'
import { collect } from '../../../src/facts/collect.ts'
import { readKube } from '../../../src/facts/read-kube.ts'
import { loadInventory } from '../../../src/inventory/load.ts'
import { openKube } from '../../../src/kube/client.ts'
import { openNodes } from '../../../src/nodes/nodes.ts'
import { createRedactor } from '../../../src/nodes/redactor.ts'
import { watchChurn } from '../../../src/probes/churn.ts'
import { watchSignals } from '../../../src/probes/node-signals.ts'
import { watchPodNetworks } from '../../../src/probes/pod-network.ts'
import { sampleRejects } from '../../../src/probes/reject-sampler.ts'

const [inventoryFile = '', seconds = '', nodeName = '', namespace = '', app = '', seenFile = ''] = process.argv.slice(2)
const tell = (line: string) => appendFileSync(seenFile, `${line}\n`)
const inventory = loadInventory(inventoryFile, { checkFiles: true })
const nodes = openNodes(inventory, {
  secrets: { ask: () => Promise.reject(new Error('nothing should be asked')) },
  redactor: createRedactor(),
  mode: 'read',
})
const kube = openKube(inventory.nodes.filter(({ role }) => role === 'server').map(({ name }) => nodes.get(name)))
const node = nodes.get(nodeName)
const address = inventory.nodes.find(({ name }) => name === nodeName)?.address ?? ''
const watch = { clock: systemClock, durationMs: Number(seconds) * 1000 }

const { pods } = await readKube(kube)
const { sandboxes } = await collect(node, ['sandboxes'], { address, nodeNames: [], clock: systemClock })
const chosen = pods.find((pod) => pod.namespace === namespace && pod.labels.app === app && pod.node === nodeName)
const netns = sandboxes?.find((one) => one.ready && one.name === chosen?.name)?.netns
if (!chosen || !netns) throw new Error(`there is no ${namespace}/${app} on ${nodeName}`)
const choice = { namespace, pod: chosen.name, netns, destinations: ['192.0.2.9'] }

const started = Date.now()
const [rejects, churn, signals, networks] = await Promise.all([
  sampleRejects(node, { ...watch, onSample: ({ reconciles }) => tell(`reconciles ${reconciles}`) }),
  watchChurn(kube, { ...watch, onChurn: ({ verb, kind, name }) => tell(`${verb} ${kind} ${name}`) }),
  watchSignals(node, { ...watch, address, pods: async () => (await readKube(kube)).pods }),
  watchPodNetworks(node, [choice], watch),
])
process.stdout.write(
  JSON.stringify({ pod: chosen.name, started, ended: Date.now(), rejects, churn, signals, networks }),
)
await kube.close()
await nodes.close()
