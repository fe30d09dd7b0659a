import { z } from 'zod'

/** References of the images on the node (`k3s crictl images`); null while containerd does not answer. */
export const imagesSchema = z.array(z.string()).nullable()
export type ImagesFacts = z.infer<typeof imagesSchema>
