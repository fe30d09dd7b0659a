import { readFileSync } from 'node:fs'
import { InputError } from '../errors.ts'
import { HostKeyError } from './errors.ts'
import {
  type ExpectedKeys,
  expectedKeys,
  fingerprint,
  hostToken,
  judge,
  type KnownHost,
  keyType,
  parseKnownHosts,
} from './known-hosts.ts'
import { displayWords } from './quote.ts'

/** What of an endpoint decides which host key is right. */
export interface HostKeyPlace {
  /** As shown: the node's or jump host's name. */
  label: string
  /** What known_hosts calls it: HostKeyAlias, or the resolved host name. */
  knownAs: string
  /** The port it is known by; 22 for an alias, which has none. */
  knownPort: number
  knownHostsFiles: readonly string[]
  /** `type base64`, from the inventory. */
  pinnedKey?: string | undefined
}

/** Reads the keys a host may show. Files that do not exist are empty, as for ssh. */
export function readExpectedKeys(place: HostKeyPlace): ExpectedKeys {
  if (place.pinnedKey !== undefined) {
    const [type = '', key = ''] = place.pinnedKey.split(' ')
    if (keyType(key) !== type)
      throw new InputError(`${place.label}: the hostKey in the inventory is not a public key of type ${type}`, {
        host: place.label,
        next: 'copy the first two words of /etc/ssh/ssh_host_ed25519_key.pub from the node',
      })
    const entry: KnownHost = { place: 'hostKey in the inventory', marker: null, hosts: '*', keyType: type, key }
    return { accepted: [entry], revoked: [], ignoredAuthorities: 0 }
  }
  const entries = place.knownHostsFiles.flatMap((path) => parseKnownHosts(readIfThere(path), path).entries)
  return expectedKeys(entries, place.knownAs, place.knownPort)
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return ''
    throw new InputError(`cannot read the known hosts in ${path}`, { next: `make ${path} readable for you` }, error)
  }
}

/** null: the key is the right one. */
export function hostKeyProblem(place: HostKeyPlace, expected: ExpectedKeys, key: Buffer): HostKeyError | null {
  const verdict = judge(expected, key)
  if (verdict.kind === 'known') return null
  const token = hostToken(place.knownAs, place.knownPort)
  const type = keyType(key.toString('base64'))
  const shown = `${type} ${fingerprint(key)}`
  const scan = displayWords(['ssh-keyscan', '-t', scanType(type), '-p', String(place.knownPort), place.knownAs])
  const file = place.knownHostsFiles[0] ?? '~/.ssh/known_hosts'
  const add =
    `compare it with what \`ssh-keygen -lf /etc/ssh/ssh_host_${scanType(type)}_key.pub\` says on the node's own console; ` +
    `only if both are the same: ${scan} >> ${displayWords([file])}`
  const context = (next: string) => ({ host: place.label, next })
  switch (verdict.kind) {
    case 'unknown': {
      const note =
        expected.ignoredAuthorities > 0
          ? ` (${expected.ignoredAuthorities} @cert-authority lines were ignored: host certificates cannot be checked here)`
          : ''
      return new HostKeyError(
        `${place.label}: the host key of ${token} is not known: ${shown}${note}. Nothing was sent to it.`,
        context(add),
      )
    }
    case 'other-type':
      return new HostKeyError(
        `${place.label}: ${token} is known by ${verdict.types.join(', ')} (${verdict.places.join(', ')}), ` +
          `but it shows only ${shown}. Nothing was sent to it.`,
        context(`find out whether its keys were replaced. If so: ${add}`),
      )
    case 'changed':
      return new HostKeyError(
        `${place.label}: THE HOST KEY OF ${token} HAS CHANGED. It shows ${shown}, which is not the key in ` +
          `${verdict.places.join(', ')}. Somebody may be listening in, or the machine was installed anew. Nothing was sent to it.`,
        context(
          `do not go on before you know why. If the machine was installed anew: ssh-keygen -R ${displayWords([token])}, then ${add}`,
        ),
      )
    case 'revoked':
      return new HostKeyError(
        `${place.label}: THE HOST KEY OF ${token} IS REVOKED (${verdict.places.join(', ')}): ${shown}. Nothing was sent to it.`,
        context('give the node a new host key'),
      )
  }
}

function scanType(type: string): string {
  if (type.startsWith('ecdsa')) return 'ecdsa'
  return type === 'ssh-rsa' ? 'rsa' : 'ed25519'
}
