import { Agent, request } from 'node:https'
import { createInterface } from 'node:readline'

/** etcd's v3 API through its JSON gateway, with the client certificate. Keys and values are text here, base64 there. */

export interface KeyValue {
  key: string
  value: string
  /** etcd's revision of the last change: Kubernetes' resourceVersion. */
  revision: number
}

export interface EtcdEvent {
  type: 'PUT' | 'DELETE'
  key: string
  revision: number
  current?: KeyValue
  previous?: KeyValue
}

export interface Member {
  id: string
  name: string
  peerUrls: string[]
  clientUrls: string[]
  learner: boolean
}

export class EtcdError extends Error {}

export interface EtcdAccess {
  host: string
  ca: string
  cert: string
  key: string
}

/** A key's expected state: its revision, or 0 if it must not exist. */
type Expected = { key: string; revision: number }

interface RawKv {
  key: string
  value?: string
  mod_revision?: string
}

const encode = (text: string) => Buffer.from(text).toString('base64')
const decode = (text: string | undefined) => Buffer.from(text ?? '', 'base64').toString('utf8')
const readKv = (kv: RawKv): KeyValue => ({
  key: decode(kv.key),
  value: decode(kv.value),
  revision: Number(kv.mod_revision ?? 0),
})

/** The end of the range of all keys that start so. */
function rangeEnd(prefix: string): string {
  const bytes = Buffer.from(prefix)
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) + 1
  return bytes.toString('base64')
}

export class EtcdClient {
  private readonly access: EtcdAccess
  private readonly agent: Agent

  constructor(access: EtcdAccess) {
    this.access = access
    this.agent = new Agent({ keepAlive: true, maxSockets: 32, ca: access.ca, cert: access.cert, key: access.key })
  }

  async get(key: string): Promise<KeyValue | undefined> {
    const answer = await this.call<{ kvs?: RawKv[] }>('/v3/kv/range', { key: encode(key) })
    const kv = answer.kvs?.[0]
    return kv && readKv(kv)
  }

  async list(prefix: string): Promise<{ items: KeyValue[]; revision: number }> {
    const answer = await this.call<{ kvs?: RawKv[]; header: { revision: string } }>('/v3/kv/range', {
      key: encode(prefix),
      range_end: rangeEnd(prefix),
    })
    return { items: (answer.kvs ?? []).map(readKv), revision: Number(answer.header.revision) }
  }

  /** Writes if the key is as expected; the new revision, or undefined if it was not. */
  async put(key: string, value: string, expected?: Expected): Promise<number | undefined> {
    return this.txn({ request_put: { key: encode(key), value: encode(value) } }, expected)
  }

  async remove(key: string, expected?: Expected): Promise<number | undefined> {
    return this.txn({ request_delete_range: { key: encode(key) } }, expected)
  }

  private async txn(operation: object, expected?: Expected): Promise<number | undefined> {
    const compare = expected
      ? [{ key: encode(expected.key), target: 'MOD', result: 'EQUAL', mod_revision: String(expected.revision) }]
      : []
    const answer = await this.call<{ succeeded?: boolean; header: { revision: string } }>('/v3/kv/txn', {
      compare,
      success: [operation],
    })
    return answer.succeeded === true ? Number(answer.header.revision) : undefined
  }

  /** Events of all keys that start so, from a revision on, until the signal aborts; rejects if the stream breaks. */
  async watch(prefix: string, from: number, signal: AbortSignal, on: (events: EtcdEvent[]) => void): Promise<void> {
    const body = {
      create_request: { key: encode(prefix), range_end: rangeEnd(prefix), start_revision: String(from), prev_kv: true },
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const outgoing = request(
      {
        ...this.target('/v3/watch'),
        agent: false,
        ca: this.access.ca,
        cert: this.access.cert,
        key: this.access.key,
        signal,
      },
      (response) => {
        const lines = createInterface({ input: response })
        lines.on('line', (line) => {
          const message: WatchLine = JSON.parse(line)
          if (message.result?.canceled)
            return outgoing.destroy(new EtcdError(message.result.cancel_reason ?? 'watch cancelled'))
          const events = (message.result?.events ?? []).map(readEvent)
          if (events.length > 0) on(events)
        })
        // The interface hands on its input's errors; an aborted watch is no error.
        lines.on('error', (error) => (signal.aborted ? resolve() : reject(error)))
        lines.on('close', () => (signal.aborted ? resolve() : reject(new EtcdError('watch stream ended'))))
      },
    )
    outgoing.on('error', (error) => (signal.aborted ? resolve() : reject(error)))
    outgoing.end(JSON.stringify(body))
    return promise
  }

  /** This member's own view: whether there is a leader, and whether it votes. */
  async status(): Promise<{ memberId: string; leader: boolean; learner: boolean }> {
    const answer = await this.call<{ header: { member_id: string }; leader?: string; isLearner?: boolean }>(
      '/v3/maintenance/status',
      {},
    )
    return {
      memberId: answer.header.member_id,
      leader: (answer.leader ?? '0') !== '0',
      learner: answer.isLearner === true,
    }
  }

  async members(): Promise<Member[]> {
    const answer = await this.call<{ members: RawMember[] }>('/v3/cluster/member/list', {})
    return answer.members.map((member) => ({
      id: member.ID,
      name: member.name ?? '',
      peerUrls: member.peerURLs ?? [],
      clientUrls: member.clientURLs ?? [],
      learner: member.isLearner === true,
    }))
  }

  async addLearner(peerUrl: string): Promise<void> {
    await this.call('/v3/cluster/member/add', { peerURLs: [peerUrl], isLearner: true })
  }

  async promote(id: string): Promise<void> {
    await this.call('/v3/cluster/member/promote', { ID: id })
  }

  async removeMember(id: string): Promise<void> {
    await this.call('/v3/cluster/member/remove', { ID: id })
  }

  private target(path: string) {
    return { host: this.access.host, port: 2379, path, method: 'POST', headers: { 'content-type': 'application/json' } }
  }

  private call<T>(path: string, body: object, timeoutMs = 8000): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const outgoing = request({ ...this.target(path), agent: this.agent }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        if (response.statusCode === 200) return resolve(JSON.parse(text))
        reject(new EtcdError(errorText(text)))
      })
    })
    const timer = setTimeout(() => outgoing.destroy(new EtcdError('etcdserver: request timed out')), timeoutMs)
    outgoing.on('error', reject)
    outgoing.on('close', () => clearTimeout(timer))
    outgoing.end(JSON.stringify(body))
    return promise
  }
}

function errorText(text: string): string {
  try {
    return String(JSON.parse(text).error ?? text)
  } catch {
    return text
  }
}

interface RawMember {
  ID: string
  name?: string
  peerURLs?: string[]
  clientURLs?: string[]
  isLearner?: boolean
}

interface WatchLine {
  result?: {
    canceled?: boolean
    cancel_reason?: string
    events?: { type?: 'PUT' | 'DELETE'; kv: RawKv; prev_kv?: RawKv }[]
  }
}

function readEvent(event: NonNullable<NonNullable<WatchLine['result']>['events']>[number]): EtcdEvent {
  const kv = readKv(event.kv)
  const base = { key: kv.key, revision: kv.revision, ...(event.prev_kv ? { previous: readKv(event.prev_kv) } : {}) }
  return event.type === 'DELETE' ? { type: 'DELETE', ...base } : { type: 'PUT', current: kv, ...base }
}
