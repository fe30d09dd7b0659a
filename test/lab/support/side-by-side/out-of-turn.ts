import type { LockOwner } from '../../../../src/engine/lock.ts'
import { MigrateError } from '../../../../src/errors.ts'
import type { NodeFacts } from '../../../../src/facts/facts.ts'
import { isKubeRouterSet, parseIpsets } from '../../../../src/netfilter/ipset.ts'
import { restoreScript } from '../../../../src/netfilter/tools.ts'
import { CommandFailed } from '../../../../src/nodes/errors.ts'
import { readFile, removeFile, sha256, writeFileAtomic } from '../../../../src/nodes/files.ts'
import type { Command } from '../../../../src/nodes/node.ts'
import { nodeLock } from '../../../../src/nodes/node-lock.ts'
import { scriptWithInput } from '../../../../src/nodes/run.ts'
import type { World } from '../../../../src/operations/world.ts'

/** Things done in an order in which no run does them, and what each came to. */
export interface Turn {
  what: string
  came: string[]
}

const timeoutMs = 60_000
const longMs = 120_000

/** How something ended, in words that are the same wherever it is done. */
async function endOf(work: () => Promise<unknown>): Promise<string> {
  try {
    const value = await work()
    return typeof value === 'string' ? value : 'done'
  } catch (error) {
    if (error instanceof CommandFailed) return `${error.name} ${error.code}`
    if (error instanceof MigrateError) return error.name
    throw error
  }
}

/** What these do to a node: one command each, by its name. */
function hands({ nodes, look, clock }: World) {
  const code = async (on: string, argv: Command['argv'], stdin?: string) => {
    const outcome = await nodes
      .get(on)
      .run({ argv, mode: 'write', timeoutMs, ...(stdin === undefined ? {} : { stdin }) })
    return `${argv.slice(0, 3).join(' ')} on ${on}: ${outcome.kind === 'exited' ? outcome.code : outcome.kind}`
  }
  const factsOf = async (on: string): Promise<NodeFacts> => {
    const facts = (await look(['unit', 'etcd', 'netfilter', 'network'], [on])).nodes[on]
    if (!facts) throw new Error(`no facts of ${on}`)
    return facts
  }
  const state = async (on: string) => {
    const { activeState, mainPid } = (await factsOf(on)).unit
    return `${on} ${activeState}${mainPid === 0 ? ', no process' : ''}`
  }
  const api = async () => ((await look(['kube'], [])).kube.reachable ? 'the API answers' : 'no API')
  return {
    factsOf,
    state,
    api,
    code,
    service: (on: string, ...words: [string, ...string[]]) =>
      code(on, ['systemctl', ...words, on.startsWith('a') ? 'k3s-agent' : 'k3s']),
    restore: async (on: string, text: string) => {
      const { argv, stdin } = scriptWithInput('iptables-remove', restoreScript, ['ip-nft'], text)
      const outcome = await nodes
        .get(on)
        .run({ argv, mode: 'write', timeoutMs, ...(stdin === undefined ? {} : { stdin }) })
      return outcome.kind === 'exited' ? String(outcome.code) : outcome.kind
    },
    /** Waits until it says what is wanted, and says what it says then or at last. */
    comes: async (wanted: string, says: () => Promise<string>) => {
      const endMs = clock.nowMs() + longMs
      for (;;) {
        const said = await says()
        if (said === wanted || clock.nowMs() > endMs) return said
        await clock.sleep(1_000)
      }
    },
  }
}
type Hands = ReturnType<typeof hands>

const owner = (nonce: string): LockOwner => ({
  nonce,
  runId: 'side-by-side',
  cluster: 'side-by-side',
  user: 'alice',
  host: `laptop-of-${nonce}`,
  pid: 1,
  bootId: 'boot',
  since: '2026-01-01T20:00:00.000Z',
})

const turns: Record<string, (hands: Hands, world: World) => Promise<string[]>> = {
  'stopped twice, started twice': async ({ service, state, comes, code, factsOf }) => [
    await service('a1', 'stop'),
    await service('a1', 'stop'),
    await state('a1'),
    await code('a1', ['k3s', 'crictl', 'stopp', '0'.repeat(64)]),
    `cni0 stays ${(await factsOf('a1')).network.links.some(({ name }) => name === 'cni0')}`,
    await service('a1', 'start', '--no-block'),
    await service('a1', 'start', '--no-block'),
    await comes('a1 active', () => state('a1')),
    await code('a1', ['k3s', 'crictl', 'stopp', '0'.repeat(64)]),
  ],

  'a server stopped alone': async ({ service, state, comes, code, api }) => [
    await service('s3', 'stop'),
    await state('s3'),
    await code('s3', ['k3s', 'etcd-snapshot', 'save', '--name', 'side-by-side']),
    await comes('the API answers', api),
    await service('s3', 'start', '--no-block'),
    await comes('s3 active', () => state('s3')),
  ],

  'two of three stopped': async ({ service, state, comes, code, api }) => [
    await service('s1', 'stop'),
    await service('s2', 'stop'),
    await comes('no API', api),
    await comes('s3 activating', async () => (await state('s3')).replace(', no process', '')),
    await code('s3', ['k3s', 'etcd-snapshot', 'save', '--name', 'side-by-side']),
    await service('s2', 'start', '--no-block'),
    await comes('s2 active', () => state('s2')),
    await comes('s3 active', () => state('s3')),
    await comes('the API answers', api),
    await service('s1', 'start', '--no-block'),
    await comes('s1 active', () => state('s1')),
  ],

  'all stopped, then one after the other': async ({ service, state, comes, api }, { clock }) => {
    const names = ['a1', 's1', 's2', 's3']
    const stopped = []
    for (const name of names) stopped.push(await service(name, 'stop'))
    const started = [await service('a1', 'start', '--no-block'), await service('s1', 'start', '--no-block')]
    await clock.sleep(15_000)
    const waiting = [await state('a1'), await state('s1'), await api()]
    started.push(await service('s3', 'start', '--no-block'))
    const back = [
      await comes('s1 active', () => state('s1')),
      await comes('s3 active', () => state('s3')),
      await comes('a1 active', () => state('a1')),
      await comes('the API answers', api),
    ]
    return [
      ...stopped,
      ...started,
      ...waiting,
      ...back,
      await service('s2', 'start', '--no-block'),
      await comes('s2 active', () => state('s2')),
    ]
  },

  'rules that are not there, and chains that are in use': async ({ restore, factsOf }) => {
    const has = async (chain: string) =>
      `${chain} ${(await factsOf('a1')).netfilter.rulesets['ip-nft']?.includes(`:${chain} `)}`
    return [
      await restore('a1', '*filter\n-D FORWARD -j NOBODYS\nCOMMIT\n'),
      await restore('a1', '*filter\n-X NOBODYS\nCOMMIT\n'),
      await restore('a1', '*filter\n-X KUBE-FORWARD\nCOMMIT\n'),
      await has('KUBE-FORWARD'),
      // All of a table or nothing; what a table before it got stays.
      await restore('a1', '*filter\n:SIDE-BY-SIDE - [0:0]\n-X NOBODYS\nCOMMIT\n'),
      await has('SIDE-BY-SIDE'),
      await restore('a1', '*nat\n:SIDE-BY-SIDE - [0:0]\nCOMMIT\n*filter\n-X NOBODYS\nCOMMIT\n'),
      await has('SIDE-BY-SIDE'),
      await restore('a1', '*nat\n-X SIDE-BY-SIDE\nCOMMIT\n'),
      await has('SIDE-BY-SIDE'),
    ]
  },

  'sets and links that are not there, and a set in use': async ({ code, factsOf }) => {
    const setsOf = async () => parseIpsets((await factsOf('a1')).netfilter.ipsets, 'a1').filter(isKubeRouterSet)
    const used = (await setsOf()).at(0)?.name ?? 'KUBE-none'
    return [
      await code('a1', ['ipset', 'restore'], 'destroy nobodys\n'),
      await code('a1', ['ipset', 'restore'], `destroy ${used}\n`),
      `it stays ${(await setsOf()).some(({ name }) => name === used)}`,
      await code('a1', ['ip', 'link', 'delete', 'nobodys']),
    ]
  },

  'files that are not as expected': async (_hands, { nodes }) => {
    const node = nodes.get('a1')
    const path = '/etc/side-by-side'
    const write = (to: string, text: string, before: string | null) =>
      endOf(() =>
        writeFileAtomic(node, to, Buffer.from(text), {
          expectedSha256Before: before === null ? null : sha256(Buffer.from(before)),
          ...{ mode: 0o600, uid: 0, gid: 0 },
        }),
      )
    const read = () => endOf(async () => Buffer.from((await readFile(node, path))?.bytes ?? 'none').toString('utf8'))
    const remove = (text: string) => endOf(() => removeFile(node, path, sha256(Buffer.from(text))))
    return [
      await write('/etc/nobodys/file', 'one', null),
      await write(path, 'one', null),
      await write(path, 'one', null),
      await write(path, 'two', null),
      await write(path, 'two', 'three'),
      await read(),
      await write(path, 'two', 'one'),
      await read(),
      await write('/etc', 'two', null),
      await remove('one'),
      await remove('two'),
      await remove('two'),
      await read(),
    ]
  },

  'a lock, and somebody else': async (_hands, { nodes }) => {
    const lock = nodeLock(nodes.get('a1'))
    const take = async (nonce: string) => {
      const got = await lock.acquire(owner(nonce))
      return got === 'taken' ? 'taken' : `held by ${got.nonce}`
    }
    const held = async () => (await lock.inspect())?.nonce ?? 'free'
    const steps = [await held(), await take('alice'), await take('bob'), await take('alice')]
    await lock.release('bob')
    steps.push(await held())
    await lock.release('alice')
    await lock.release('alice')
    return [...steps, await held()]
  },

  'a guard, renewed, disarmed and fired': async ({ comes }, { guards }) => {
    const run = 'side-by-side'
    const scope = { agent: false, tables: [] }
    const look = async () => (await guards.look('a1', run)).kind
    const renew = () => endOf(() => guards.renew('a1', run))
    const steps = [await look(), await renew(), await guards.arm('a1', run, scope, 60_000)]
    steps.push(await look(), await guards.arm('a1', run, scope, 60_000), await renew())
    steps.push(await endOf(() => guards.disarm('a1', run)), await look())
    steps.push(await guards.arm('a1', run, scope, 3_000), await comes('fired', look), await renew())
    steps.push(await endOf(() => guards.disarm('a1', run)), await endOf(() => guards.arm('a1', run, scope, 60_000)))
    await guards.forget('a1', run)
    return [...steps, await look()]
  },
}

export async function turnsOf(world: World): Promise<Turn[]> {
  const done: Turn[] = []
  for (const [what, turn] of Object.entries(turns)) done.push({ what, came: await turn(hands(world), world) })
  return done
}
