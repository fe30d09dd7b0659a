import type { ServerResponse } from 'node:http'
import { ApiError, type ApiObject } from '../context.ts'
import type { Change, Mirror } from './mirror.ts'
import { apiVersionOf, prefixOf, type ResourceType } from './resources.ts'
import type { Selector } from './selectors.ts'
import { statusOf } from './status.ts'

export interface WatchQuery {
  resource: ResourceType
  namespace?: string
  selector: Selector
  /** Where to go on from; undefined or 0: everything there is first. */
  revision: number | undefined
  timeoutSeconds: number
  bookmarks: boolean
}

const bookmarkEveryMs = 30_000

/** Answers a watch until the client goes or its time is up. */
export function serveWatch(mirror: Mirror, query: WatchQuery, response: ServerResponse): void {
  const prefix = prefixOf(query.resource, query.namespace)
  response.writeHead(200, { 'content-type': 'application/json' })
  const send = (type: string, object: object) => response.write(`${JSON.stringify({ type, object })}\n`)
  const typed = (object: ApiObject) => ({
    ...object,
    apiVersion: apiVersionOf(query.resource),
    kind: query.resource.kind,
  })
  const forward = (changes: readonly Change[]) => {
    for (const change of changes) {
      if (!change.key.startsWith(prefix) || (query.revision !== undefined && change.revision <= query.revision))
        continue
      const event = eventOf(change, query.selector)
      if (event) send(event.type, typed(event.object))
    }
  }
  if (query.revision === undefined || query.revision === 0) {
    for (const object of mirror.withPrefix(prefix).filter(query.selector)) send('ADDED', typed(object))
  } else {
    const missed = mirror.since(query.revision)
    if (!missed) {
      send('ERROR', statusOf(new ApiError(410, `too old resource version: ${query.revision}`)).body)
      response.end()
      return
    }
    forward(missed)
  }
  // A client that only waits for headers (an empty watch) must see them at once.
  response.flushHeaders()
  const unsubscribe = mirror.subscribe(forward)
  const bookmark = () =>
    send('BOOKMARK', {
      kind: query.resource.kind,
      apiVersion: apiVersionOf(query.resource),
      metadata: { resourceVersion: String(mirror.revision), creationTimestamp: null },
    })
  const bookmarks = query.bookmarks ? setInterval(bookmark, bookmarkEveryMs) : undefined
  const stop = () => {
    unsubscribe()
    clearInterval(bookmarks)
    clearTimeout(timer)
  }
  const timer = setTimeout(() => {
    stop()
    response.end()
  }, query.timeoutSeconds * 1000)
  response.on('close', stop)
}

/** With a selector, an object that begins to match is ADDED, one that ceases to is DELETED. */
export function eventOf(change: Change, selector: Selector): { type: string; object: ApiObject } | undefined {
  const before = change.previous !== undefined && selector(change.previous)
  const after = change.current !== undefined && selector(change.current)
  if (after && change.current) return { type: before ? 'MODIFIED' : 'ADDED', object: change.current }
  if (!before || !change.previous) return undefined
  const gone = change.current ?? change.previous
  return {
    type: 'DELETED',
    object: { ...gone, metadata: { ...gone.metadata, resourceVersion: String(change.revision) } },
  }
}
