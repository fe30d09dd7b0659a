import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { z } from 'zod'
import { isMissing, writeWhole } from '../node/files.ts'

/** Where an agent keeps its endpoints: on a tmpfs, so a power-off loses them and a restart of the agent does not. */
export const stateDirectory = '/var/run/cilium/state'

const record = z.object({
  id: z.number(),
  containerId: z.string(),
  namespace: z.string(),
  pod: z.string(),
  podUid: z.string().nullable(),
  /** Path of the pod's network namespace. */
  netns: z.string(),
  link: z.string(),
  linkMac: z.string(),
  podMac: z.string(),
  address: z.string(),
  /** Null until the pod was read from the API: identity `init`. */
  labels: z.record(z.string(), z.string()).nullable(),
  /** The number of the identity that the pod's program marks its packets with; 0, Cilium's `unknown`, at first. */
  identity: z.number(),
  podLabels: z.record(z.string(), z.string()),
  namedPorts: z.array(z.object({ name: z.string(), port: z.number(), protocol: z.string() })),
})

export type EndpointRecord = z.output<typeof record>

const directory = (id: number) => `${stateDirectory}/${id}`

export async function saveRecord(endpoint: EndpointRecord): Promise<void> {
  await writeWhole(`${directory(endpoint.id)}/ep_config.json`, `${JSON.stringify(endpoint)}\n`, 0o600)
}

export async function removeRecord(id: number): Promise<void> {
  await rm(directory(id), { recursive: true, force: true })
}

export async function loadRecords(): Promise<EndpointRecord[]> {
  await mkdir(stateDirectory, { recursive: true, mode: 0o750 })
  const found: EndpointRecord[] = []
  for (const name of await readdir(stateDirectory)) {
    if (!/^\d+$/.test(name)) continue
    try {
      found.push(record.parse(JSON.parse(await readFile(`${stateDirectory}/${name}/ep_config.json`, 'utf8'))))
    } catch (error) {
      // A directory without a readable record is an endpoint that was never finished: a real agent drops it, too.
      if (!isMissing(error)) await rm(`${stateDirectory}/${name}`, { recursive: true, force: true })
    }
  }
  return found
}
