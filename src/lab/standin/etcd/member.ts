import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { log } from '../log.ts'
import { read } from '../server-files.ts'
import { EtcdClient, type Member } from './client.ts'
import { etcdPaths } from './process.ts'

export const etcdClient = (host: string): EtcdClient =>
  new EtcdClient({
    host,
    ca: read('etcd/server-ca.crt'),
    cert: read('etcd/server-client.crt'),
    key: read('etcd/server-client.key'),
  })

/** `<node>-<8 hex>`, made once. */
export function memberName(nodeName: string): string {
  if (!existsSync(etcdPaths.name)) {
    mkdirSync(etcdPaths.data, { recursive: true, mode: 0o700 })
    writeFileSync(etcdPaths.name, `${nodeName}-${randomBytes(4).toString('hex')}`, { mode: 0o600 })
  }
  return readFileSync(etcdPaths.name, 'utf8')
}

/**
 * Adds this server to the cluster as a learner, which does not count for the quorum until it has caught up. etcd takes
 * one learner at a time; a second server waits for the first.
 * @returns `initial-cluster` for its first start
 */
export async function joinCluster(host: string, name: string, nodeIp: string): Promise<string> {
  const peer = `https://${nodeIp}:2380`
  const client = etcdClient(host)
  for (;;) {
    try {
      const members = await client.members()
      const known = members.find((member) => member.peerUrls.includes(peer))
      if (known && known.name !== '' && known.name !== name) {
        log('info', `Removing old member ${known.name} of this address`)
        await client.removeMember(known.id)
        continue
      }
      if (!known) await client.addLearner(peer)
      return initialCluster(await client.members(), name, peer)
    } catch (error) {
      log('info', `Waiting to join the etcd cluster: ${error instanceof Error ? error.message : String(error)}`)
      await delay(500)
    }
  }
}

function initialCluster(members: readonly Member[], name: string, peer: string): string {
  return members
    .flatMap((member) => member.peerUrls.map((url) => `${url === peer ? name : member.name}=${url}`))
    .join(',')
}

const pollMs = 200
const reportMs = 5000

/** Resolves when this member has a leader and a vote; a learner asks the voters for it. That may be never. */
export async function untilVoter(own: EtcdClient, signal: AbortSignal): Promise<void> {
  let reported = Date.now()
  while (!signal.aborted) {
    const problem = await tryVoting(own)
    if (problem === undefined) return
    if (Date.now() - reported > reportMs) {
      reported = Date.now()
      log('info', `Failed to test etcd connection: ${problem}`)
    }
    await delay(pollMs, undefined, { signal }).catch(() => undefined)
  }
}

/** @returns why this member does not vote yet, or undefined if it does */
async function tryVoting(own: EtcdClient): Promise<string | undefined> {
  try {
    const status = await own.status()
    if (!status.leader) return 'this server has no etcd leader: context deadline exceeded'
    if (!status.learner) return undefined
    // A learner answers nothing but its status: the others are read from its first configuration.
    for (const host of peersOf(readFileSync(etcdPaths.config, 'utf8'))) {
      const promoted = await etcdClient(host)
        .promote(status.memberId)
        .then(() => true)
        .catch(() => false)
      if (promoted) break
    }
    return 'this server is an etcd learner, waiting for promotion to voting member'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const peersOf = (config: string): string[] => [
  ...new Set(
    [...(/^initial-cluster: (.*)$/m.exec(config)?.[1] ?? '').matchAll(/https:\/\/([^:,]+):2380/g)].map(
      (match) => match[1] ?? '',
    ),
  ),
]
