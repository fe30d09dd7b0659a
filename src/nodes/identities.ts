import { readFile } from 'node:fs/promises'
import ssh2, {
  type AnyAuthMethod,
  type BaseAgent,
  type IdentityCallback,
  type ParsedKey,
  type PublicKeyEntry,
  type SignCallback,
  type SigningRequestOptions,
} from 'ssh2'
import { FailedError, InputError } from '../errors.ts'
import type { Endpoint } from './endpoint.ts'
import type { Redactor } from './redactor.ts'
import type { Secrets } from './secrets.ts'

const { utils } = ssh2
type AgentKey = string | Buffer | ParsedKey

/** Private keys of this run. A passphrase is asked once a file, when it is needed, and kept in memory. */
export class KeyRing {
  private readonly secrets: Secrets
  private readonly redactor: Redactor
  private readonly opened = new Map<string, Promise<ParsedKey | null>>()

  constructor(secrets: Secrets, redactor: Redactor) {
    this.secrets = secrets
    this.redactor = redactor
  }

  /** null: there is no such file. */
  open(path: string): Promise<ParsedKey | null> {
    const known = this.opened.get(path)
    if (known) return known
    const opening = this.load(path)
    this.opened.set(path, opening)
    // A wrong passphrase must not be the answer for the rest of the run.
    opening.catch(() => this.opened.delete(path))
    return opening
  }

  private async load(path: string): Promise<ParsedKey | null> {
    const bytes = await readKeyFile(path)
    if (!bytes) return null
    let parsed = asKey(utils.parseKey(bytes))
    for (let attempt = 0; isLocked(parsed) && attempt < 3; attempt++) {
      const passphrase = await this.secrets.ask(`${attempt === 0 ? '' : 'That was wrong. '}Passphrase of ${path}`)
      this.redactor.add(passphrase)
      const next = asKey(utils.parseKey(bytes, passphrase))
      if (!(next instanceof Error)) parsed = next
    }
    if (isLocked(parsed)) throw new FailedError(`${path}: three wrong passphrases`, { next: `ssh-add ${path}` })
    if (parsed instanceof Error)
      throw new InputError(`${path} is not a private key that can be used here: ${parsed.message}`, {
        next: 'hardware keys (sk-) and certificates work through neither file nor agent here; name another key',
      })
    if (!parsed.isPrivateKey()) throw new InputError(`${path} is a public key; name the private one`)
    return parsed
  }
}

async function readKeyFile(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw new InputError(`cannot read the private key ${path}`, {}, error)
  }
}

function asKey(parsed: ParsedKey | ParsedKey[] | Error): ParsedKey | Error {
  return Array.isArray(parsed) ? (parsed[0] ?? new Error('empty')) : parsed
}

function isLocked(parsed: ParsedKey | Error): boolean {
  return parsed instanceof Error && /encrypted/i.test(parsed.message)
}

/** Lets the agent show only some of its keys: servers punish every key they do not know (PerSourcePenalties, MaxAuthTries). */
class ChosenKeys extends ssh2.BaseAgent {
  private readonly agent: BaseAgent
  private readonly wanted: readonly Buffer[]

  constructor(agent: BaseAgent, wanted: readonly Buffer[]) {
    super()
    this.agent = agent
    this.wanted = wanted
  }

  override getIdentities(callback: IdentityCallback<AgentKey>): void {
    this.agent.getIdentities((error, keys) => {
      if (error) return callback(error)
      callback(
        undefined,
        (keys ?? []).filter((key) => this.wanted.some((wanted) => wanted.equals(publicPart(key)))) as AgentKey[],
      )
    })
  }

  override sign(
    key: AgentKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    callback?: SignCallback,
  ): void {
    if (typeof options === 'function') this.agent.sign(key, data, options)
    else this.agent.sign(key, data, options, callback)
  }
}

function publicPart(key: AgentKey | PublicKeyEntry): Buffer {
  if (typeof key === 'string') return Buffer.from(key, 'base64')
  if (Buffer.isBuffer(key)) return key
  return 'pubKey' in key ? publicPart(key.pubKey as AgentKey | PublicKeyEntry) : key.getPublicSSH()
}

export interface Offer {
  /** "agent", or the key's path: told when all were refused. */
  what: string
  method: () => Promise<AnyAuthMethod | null>
}

/** What to offer to a server, in ssh's order: keys of the agent, then files. A file is opened only when its turn comes. */
export async function offersFor(endpoint: Endpoint, keys: KeyRing): Promise<Offer[]> {
  const offers: Offer[] = []
  const username = endpoint.user
  if (endpoint.agentSocket !== undefined) {
    const agent = ssh2.createAgent(endpoint.agentSocket)
    const chosen = endpoint.identitiesOnly ? new ChosenKeys(agent, await publicKeys(endpoint.identityFiles)) : agent
    offers.push({
      what: 'the agent',
      method: async () => ((await hasKeys(chosen)) ? { type: 'agent', username, agent: chosen } : null),
    })
  }
  for (const path of endpoint.identityFiles)
    offers.push({
      what: path,
      method: async () => {
        const key = await keys.open(path)
        return key ? { type: 'publickey', username, key } : null
      },
    })
  return offers
}

/** Asked beforehand: an agent that does not answer would end the whole connection attempt, files and all. */
function hasKeys(agent: BaseAgent): Promise<boolean> {
  return new Promise((resolve) => agent.getIdentities((error, keys) => resolve(!error && (keys?.length ?? 0) > 0)))
}

async function publicKeys(files: readonly string[]): Promise<Buffer[]> {
  const keys = await Promise.all(
    files.map(async (path) => {
      const bytes = (await readKeyFile(`${path}.pub`)) ?? (await readKeyFile(path))
      const parsed = bytes ? asKey(utils.parseKey(bytes)) : new Error('absent')
      return parsed instanceof Error ? [] : [parsed.getPublicSSH()]
    }),
  )
  return keys.flat()
}
