import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { Lab } from '../../../src/lab/lab.ts'

export const serverOf = (lab: Lab): string => lab.nodes.find((node) => node.role === 'server')?.name ?? ''

export const addressesOfServers = (lab: Lab): string[] =>
  lab.nodes.filter((node) => node.role === 'server').map((node) => node.address)

/** Output of a shell script run on a node as root, past sshd. Throws when it ends with anything but 0. */
export async function onNode(lab: Lab, node: string, script: string): Promise<string> {
  const { code, stdout, stderr } = await lab.exec(node, ['sh', '-s'], { stdin: script })
  if (code !== 0) throw new Error(`${node}: ended with ${code}: ${stderr || stdout}`)
  return stdout
}

export const kubeconfigOf = (lab: Lab): Promise<string> => onNode(lab, serverOf(lab), 'cat /etc/rancher/k3s/k3s.yaml')

export const objectSchema = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
    ownerReferences: z.array(z.looseObject({ kind: z.string() })).optional(),
  }),
})
export type ClusterObject = z.infer<typeof objectSchema>

/** Every object of every kind that the API serves. */
export async function objectsOf(lab: Lab): Promise<ClusterObject[]> {
  const script = fileURLToPath(new URL('dump-objects.ts', import.meta.url))
  const [address = ''] = addressesOfServers(lab)
  const stdin = await kubeconfigOf(lab)
  const { code, stdout, stderr } = await lab.run([process.execPath, script, address], { stdin })
  if (code !== 0) throw new Error(`the objects cannot be read: ${stderr}`)
  return z.array(objectSchema).parse(JSON.parse(stdout))
}
