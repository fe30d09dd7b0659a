import { log } from './log.ts'

/**
 * On SIGTERM the real K3s dies of its own flannel ("flannel exited"): exit 1, so that the unit is `failed` after a stop.
 * What runs on the node is left alone.
 */
export function endOnTerm(
  stop: AbortController,
  reason: () => string,
  before: () => Promise<void> = async () => {},
): void {
  const end = (signal: string) => {
    log('info', `Received ${signal}, shutting down`)
    stop.abort()
    before()
      .catch((error: unknown) => log('error', String(error)))
      .finally(() => {
        log('fatal', reason())
        process.exit(1)
      })
  }
  process.once('SIGTERM', end)
  process.once('SIGINT', end)
}
