import { execFile } from 'node:child_process'
import { homedir, userInfo } from 'node:os'
import { promisify } from 'node:util'
import { InputError } from '../errors.ts'
import type { InventoryNode, SshSettings } from '../inventory/schema.ts'
import type { Endpoint } from './endpoint.ts'

const run = promisify(execFile)

export type SshOptions = ReadonlyMap<string, readonly string[]>

/** The environment of the operator's side that matters here; passed in so that tests need not change their own. */
export interface OperatorEnvironment {
  home: string
  user: string
  agentSocket?: string | undefined
  /** The ssh program, for `ssh -G`. */
  ssh: string
}

export function operatorEnvironment(): OperatorEnvironment {
  return { home: homedir(), user: userInfo().username, agentSocket: process.env.SSH_AUTH_SOCK, ssh: 'ssh' }
}

/**
 * How a node is reached: what the inventory says, and for the rest what ssh itself would do (`ssh -G`, ssh(1)). Reading
 * the configuration is left to ssh: Match, Include and tokens are its own.
 * @throws InputError when ssh refuses the configuration, or it asks for what cannot be done here
 */
export async function resolveEndpoint(node: InventoryNode, environment: OperatorEnvironment): Promise<Endpoint> {
  return resolve(node.name, node.address, node.ssh, environment, 0)
}

async function resolve(
  label: string,
  address: string,
  settings: SshSettings,
  environment: OperatorEnvironment,
  depth: number,
): Promise<Endpoint> {
  if (depth > 8) throw new InputError(`${label}: more than eight jump hosts in a row; does ProxyJump lead in a circle?`)
  const options = await askSsh(label, address, settings, environment)
  const first = (name: string) => options?.get(name)?.[0]
  const host = first('hostname') ?? address
  const port = settings.port ?? Number(first('port') ?? 22)
  const user = settings.user ?? first('user') ?? environment.user
  const expand = (path: string) => expandTokens(path, { host, port, user, environment })
  const paths = (name: string) => (first(name) ?? '').split(' ').filter((path) => path !== '' && path !== 'none')

  const command = first('proxycommand')
  if (command !== undefined && command !== 'none' && settings.proxyJump === undefined)
    throw new InputError(`${label}: your ssh configuration has a ProxyCommand for ${address}, which is not supported`, {
      host: label,
      next: 'use ProxyJump there, or proxyJump in the inventory',
    })

  const alias = first('hostkeyalias')
  const files = [...paths('userknownhostsfile'), ...paths('globalknownhostsfile')].map(expand)
  const usual = [`${environment.home}/.ssh/known_hosts`, '/etc/ssh/ssh_known_hosts']
  return {
    label,
    host,
    port,
    user,
    knownAs: alias ?? host,
    knownPort: alias === undefined ? port : 22,
    knownHostsFiles: settings.knownHostsFile ?? (options ? files : usual),
    pinnedKey: settings.hostKey,
    identityFiles: settings.identityFile
      ? [settings.identityFile]
      : (options?.get('identityfile')?.map(expand) ?? [`${environment.home}/.ssh/id_ed25519`]),
    identitiesOnly: settings.identityFile !== undefined || first('identitiesonly') === 'yes',
    agentSocket: agentSocket(first('identityagent'), expand, environment),
    jumps: await resolveJumps(label, settings, settings.proxyJump ?? first('proxyjump'), environment, depth),
    notes: options ? [] : ['there is no ssh program here: your ssh configuration was not read, only the inventory'],
  }
}

/** null: there is no ssh program. */
async function askSsh(
  label: string,
  address: string,
  settings: SshSettings,
  environment: OperatorEnvironment,
): Promise<SshOptions | null> {
  const args = ['-G']
  if (settings.configFile !== undefined) args.push('-F', settings.configFile)
  if (settings.user !== undefined) args.push('-l', settings.user)
  if (settings.port !== undefined) args.push('-p', String(settings.port))
  try {
    const { stdout } = await run(environment.ssh, [...args, '--', address], {
      timeout: 10_000,
      env: { ...process.env, LC_ALL: 'C' },
    })
    return parseSshOptions(stdout)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error)
    throw new InputError(`${label}: ssh cannot read its configuration for ${address}: ${said.slice(0, 500)}`, {
      host: label,
      next: `try: ssh -G ${address}`,
    })
  }
}

/** The output of `ssh -G`: `keyword value`, keywords in small letters, some of them several times. */
export function parseSshOptions(text: string): SshOptions {
  const options = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ')
    if (space < 1) continue
    const name = line.slice(0, space).toLowerCase()
    options.set(name, [...(options.get(name) ?? []), line.slice(space + 1).trim()])
  }
  return options
}

interface TokenValues {
  host: string
  port: number
  user: string
  environment: OperatorEnvironment
}

/** `~` and the tokens of ssh_config(5) that paths are written with; ssh -G leaves them as they are. */
function expandTokens(path: string, { host, port, user, environment }: TokenValues): string {
  const values: Readonly<Record<string, string>> = {
    '%': '%',
    d: environment.home,
    h: host,
    p: String(port),
    r: user,
    u: environment.user,
  }
  const expanded = path.replace(/%(.)/g, (token, letter: string) => values[letter] ?? token)
  return expanded.startsWith('~/') ? `${environment.home}/${expanded.slice(2)}` : expanded
}

function agentSocket(
  configured: string | undefined,
  expand: (path: string) => string,
  environment: OperatorEnvironment,
): string | undefined {
  if (configured === undefined || configured === 'SSH_AUTH_SOCK') return environment.agentSocket
  if (configured === 'none') return undefined
  return configured.startsWith('$') ? process.env[configured.slice(1)] : expand(configured)
}

/** Each hop is looked up in the same configuration, as `ssh -J` does; a node's own key and host key are not the hop's. */
async function resolveJumps(
  label: string,
  settings: SshSettings,
  jump: string | undefined,
  environment: OperatorEnvironment,
  depth: number,
): Promise<Endpoint[]> {
  if (jump === undefined || jump === 'none') return []
  const hops: Endpoint[] = []
  for (const text of jump.split(',')) {
    const hop = parseHop(label, text.trim())
    const inherited: SshSettings = {
      ...(settings.configFile === undefined ? {} : { configFile: settings.configFile }),
      ...(settings.identityFile === undefined ? {} : { identityFile: settings.identityFile }),
      ...(settings.knownHostsFile === undefined ? {} : { knownHostsFile: settings.knownHostsFile }),
      ...(hop.user === undefined ? {} : { user: hop.user }),
      ...(hop.port === undefined ? {} : { port: hop.port }),
    }
    const endpoint = await resolve(`jump host ${hop.host}`, hop.host, inherited, environment, depth + 1)
    // Only the first hop is reached from here, so only its own jump hosts count.
    hops.push(...(hops.length === 0 ? endpoint.jumps : []), { ...endpoint, jumps: [] })
  }
  return hops
}

function parseHop(label: string, text: string): { user?: string; host: string; port?: number } {
  const match = /^(?:ssh:\/\/)?(?:([^@]+)@)?(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?\/?$/.exec(text)
  const host = match?.[2] ?? match?.[3]
  if (!match || !host || host.startsWith('-'))
    throw new InputError(`${label}: ProxyJump "${text}" is not [user@]host[:port]`, { host: label })
  return {
    host,
    ...(match[1] === undefined ? {} : { user: match[1] }),
    ...(match[4] === undefined ? {} : { port: Number(match[4]) }),
  }
}
