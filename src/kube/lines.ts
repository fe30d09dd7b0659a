import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { errors } from 'undici'

/**
 * The lines of an answer, until it ends. That a server goes away amid an answer ends it too: K3s ends its watches so when it
 * is restarted. Whether another server answers is seen by asking again.
 * @throws what undici throws when nothing came for too long, or the signal did
 */
export async function* lines(body: Readable): AsyncGenerator<string> {
  try {
    for await (const line of createInterface({ input: body })) if (line !== '') yield line
  } catch (error) {
    if (!(error instanceof errors.SocketError)) throw error
  }
}
