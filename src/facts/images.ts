import { z } from 'zod'
import type { Family } from './family.ts'
import { parseJson } from './ip-json.ts'

/** References of the images on the node (`k3s crictl images`); null while containerd does not answer. */
export const imagesSchema = z.array(z.string()).nullable()
export type ImagesFacts = z.infer<typeof imagesSchema>

const answer = z.object({
  images: z
    .array(z.object({ repoTags: z.array(z.string()).nullish(), repoDigests: z.array(z.string()).nullish() }))
    .nullish(),
})

/** Tags and digests. A containerd that does not answer is not an error: K3s is stopped. */
export const imagesFamily: Family<ImagesFacts> = {
  script: `
emit images.list timeout 30 k3s crictl images -o json
`,
  parse(sections) {
    const text = sections.optional('images.list')
    if (text === null) return null
    const { images } = answer.parse(parseJson('images.list', text))
    return (images ?? []).flatMap((image) => [...(image.repoTags ?? []), ...(image.repoDigests ?? [])])
  },
}
