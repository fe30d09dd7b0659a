import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** One line of a known_hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). */
export interface KnownHost {
  /** `path:line` */
  place: string
  marker: 'revoked' | 'cert-authority' | null
  /** Comma-separated patterns, or one `|1|salt|hash`. */
  hosts: string
  keyType: string
  /** base64 */
  key: string
}

export interface KnownHostsFile {
  entries: KnownHost[]
  /** Lines that could not be understood, as `path:line`. They count for nothing. */
  unreadable: string[]
}

export function parseKnownHosts(text: string, path: string): KnownHostsFile {
  const result: KnownHostsFile = { entries: [], unreadable: [] }
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const place = `${path}:${index + 1}`
    const words = line.split(/\s+/)
    const marker = words[0]?.startsWith('@') ? words.shift() : undefined
    const [hosts, keyType, key] = words
    if (!hosts || !keyType || !key || !/^[A-Za-z0-9+/]+={0,3}$/.test(key) || !isMarker(marker)) {
      result.unreadable.push(place)
      continue
    }
    const name = marker === undefined ? null : marker === '@revoked' ? 'revoked' : 'cert-authority'
    result.entries.push({ place, marker: name, hosts, keyType, key })
  }
  return result
}

function isMarker(marker: string | undefined): boolean {
  return marker === undefined || marker === '@revoked' || marker === '@cert-authority'
}

/** How known_hosts names a host: `[host]:port` unless the port is 22. */
export function hostToken(host: string, port: number): string {
  const name = host.toLowerCase()
  return port === 22 ? name : `[${name}]:${port}`
}

/** Whether a line is about that name. One negated pattern that matches excludes the whole line. */
export function matchesHost(hosts: string, token: string): boolean {
  if (hosts.startsWith('|')) return matchesHashed(hosts, token)
  let matched = false
  for (const item of hosts.toLowerCase().split(',')) {
    const negated = item.startsWith('!')
    if (!wildcard(negated ? item.slice(1) : item).test(token)) continue
    if (negated) return false
    matched = true
  }
  return matched
}

function matchesHashed(hosts: string, token: string): boolean {
  const [, version, salt, hash] = hosts.split('|')
  if (version !== '1' || !salt || !hash) return false
  const expected = Buffer.from(hash, 'base64')
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(token).digest()
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}

function wildcard(pattern: string): RegExp {
  const source = pattern.replace(/[\\^$.*+?()[\]{}|]/g, (c) => (c === '*' ? '.*' : c === '?' ? '.' : `\\${c}`))
  return new RegExp(`^${source}$`, 's')
}

/** The keys that count for one host. */
export interface ExpectedKeys {
  accepted: KnownHost[]
  /** Of this host, or of any host by `*`. */
  revoked: KnownHost[]
  /** Lines for certificates, which cannot be checked here: they are not used. */
  ignoredAuthorities: number
}

/** Like OpenSSH, a host on another port may be known by its bare name too, but only by the very same key. */
export function expectedKeys(entries: readonly KnownHost[], host: string, port: number): ExpectedKeys {
  const tokens = port === 22 ? [hostToken(host, 22)] : [hostToken(host, port), hostToken(host, 22)]
  const about = tokens.map((token) => entries.filter((entry) => matchesHost(entry.hosts, token)))
  const plain = about.map((list) => list.filter((entry) => entry.marker === null))
  const all = about.flat()
  return {
    accepted: plain.find((list) => list.length > 0) ?? [],
    revoked: all.filter((entry) => entry.marker === 'revoked'),
    ignoredAuthorities: all.filter((entry) => entry.marker === 'cert-authority').length,
  }
}

export type Verdict =
  | { kind: 'known' }
  | { kind: 'unknown' }
  | { kind: 'changed'; places: string[] }
  | { kind: 'other-type'; places: string[]; types: string[] }
  | { kind: 'revoked'; places: string[] }

/** Judges the key a server showed. `key` is the public key in SSH's wire format. */
export function judge(expected: ExpectedKeys, key: Buffer): Verdict {
  const shown = key.toString('base64')
  const same = (entry: KnownHost) => Buffer.from(entry.key, 'base64').equals(key)
  const revoked = expected.revoked.filter(same)
  if (revoked.length > 0) return { kind: 'revoked', places: revoked.map((entry) => entry.place) }
  if (expected.accepted.some(same)) return { kind: 'known' }
  const type = keyType(shown)
  const sameType = expected.accepted.filter((entry) => entry.keyType === type)
  if (sameType.length > 0) return { kind: 'changed', places: sameType.map((entry) => entry.place) }
  if (expected.accepted.length === 0) return { kind: 'unknown' }
  return {
    kind: 'other-type',
    places: expected.accepted.map((entry) => entry.place),
    types: [...new Set(expected.accepted.map((entry) => entry.keyType))],
  }
}

/** The type that stands inside a base64 public key; '' when it is no key. */
export function keyType(base64: string): string {
  const key = Buffer.from(base64, 'base64')
  if (key.length < 4) return ''
  const length = key.readUInt32BE(0)
  return length > 64 || key.length < 4 + length ? '' : key.toString('latin1', 4, 4 + length)
}

/** As `ssh-keygen -lf` shows it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`
}

const algorithmsOfType: Readonly<Record<string, readonly string[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
}

/**
 * Host key algorithms to offer, those of known keys first: a server that has several keys then shows the one we hold,
 * instead of one that would have to be refused.
 */
export function hostKeyAlgorithms(expected: ExpectedKeys): string[] {
  const types = [...expected.accepted.map((entry) => entry.keyType), ...Object.keys(algorithmsOfType)]
  return [...new Set(types.flatMap((type) => algorithmsOfType[type] ?? []))]
}
