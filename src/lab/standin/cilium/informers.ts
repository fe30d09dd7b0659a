import { EventEmitter, once } from 'node:events'
import type { ApiClient, Informer } from '../context.ts'

/** An informer whose changes can be waited for. */
export interface Watched {
  items: Informer['items']
  synced: Promise<void>
  /** Until `look` finds something in the items; rejects when the signal aborts. */
  waitFor<T>(look: (items: ReturnType<Informer['items']>) => T | undefined): Promise<T>
}

export function watched(api: ApiClient, path: string, signal: AbortSignal, onChange: () => void): Watched {
  const changes = new EventEmitter()
  changes.setMaxListeners(0)
  const informer = api.informer(path, {
    signal,
    onChange: () => {
      onChange()
      changes.emit('change')
    },
  })
  return {
    items: () => informer.items(),
    synced: informer.synced,
    waitFor: async (look) => {
      for (;;) {
        const change = once(changes, 'change', { signal })
        // Handled below when it is awaited; a result found at once leaves it to end with the signal.
        change.catch(() => undefined)
        const found = look(informer.items())
        if (found !== undefined) return found
        await change
      }
    },
  }
}
