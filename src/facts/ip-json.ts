import { z } from 'zod'
import { FailedError } from '../errors.ts'

/** `ip -j [-d] addr show`: what is used of it. */
export const addressesSchema = z.array(
  z.object({
    ifname: z.string(),
    flags: z.array(z.string()),
    mtu: z.number(),
    master: z.string().optional(),
    linkinfo: z
      .object({
        info_kind: z.string().optional(),
        info_data: z.object({ port: z.number().optional() }).loose().optional(),
      })
      .loose()
      .optional(),
    addr_info: z
      .array(
        z.object({
          family: z.string().optional(),
          local: z.string().optional(),
          prefixlen: z.number().optional(),
          scope: z.string().optional(),
        }),
      )
      .default([]),
  }),
)

/** @throws FailedError with the section's name */
export function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new FailedError(`${name}: expected JSON: ${error instanceof Error ? error.message : error}`)
  }
}
