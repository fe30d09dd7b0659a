/**
 * Run on the operator's side of a lab: prints every object of every kind that the API serves, as one JSON array.
 * stdin: a kubeconfig; argument: the address of a server.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { kubeGet } from './kube-access.ts'

const [address = ''] = process.argv.slice(2)
const get = kubeGet(readFileSync(0, 'utf8'))

async function read<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  const text = await get(address, path, 20_000)
  if (text === null) throw new Error(`${address} does not answer to GET ${path}`)
  return schema.parse(JSON.parse(text))
}

const resources = z.object({
  resources: z.array(z.object({ name: z.string(), kind: z.string(), verbs: z.array(z.string()) })),
})
const groups = z.object({ groups: z.array(z.object({ preferredVersion: z.object({ groupVersion: z.string() }) })) })
const items = z.object({ items: z.array(z.looseObject({})) })

const versions = (await read('/apis', groups)).groups.map(({ preferredVersion }) => preferredVersion.groupVersion)
const lists = await Promise.all(
  ['/api/v1', ...versions.map((version) => `/apis/${version}`)].map(async (root) => {
    const listable = (await read(root, resources)).resources.filter(
      ({ name, verbs }) => verbs.includes('list') && !name.includes('/'),
    )
    return Promise.all(
      listable.map(async ({ name, kind }) =>
        (await read(`${root}/${name}`, items)).items.map((item) => ({ ...item, kind })),
      ),
    )
  }),
)
process.stdout.write(JSON.stringify(lists.flat(2)))
