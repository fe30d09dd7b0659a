import { InputError } from '../errors.ts'

/** One set as `ipset save` prints it. */
export interface IpSet {
  readonly name: string
  /** `hash:ip`, `list:set`, ... */
  readonly type: string
  /** Its `create` and `add` lines, exactly. */
  readonly lines: readonly string[]
}

/**
 * Reads `ipset save`.
 * @throws InputError naming the line
 */
export function parseIpsets(text: string, what = 'ipset save'): IpSet[] {
  const sets = new Map<string, { name: string; type: string; lines: string[] }>()
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue
    const [, command, name, type] = /^(create|add) (\S+) (\S+)/.exec(line) ?? []
    const known = name === undefined ? undefined : sets.get(name)
    if (command === 'create' && name && type && !known) sets.set(name, { name, type, lines: [line] })
    else if (command === 'add' && known) known.lines.push(line)
    else
      throw new InputError(
        `${what}, line ${index + 1}: expected "create NAME TYPE ..." or "add NAME ..." of a set above, got ${JSON.stringify(line.slice(0, 80))}`,
        { next: 'read the sets again; if it stays so, this output of ipset is of a kind that is not known here' },
      )
  }
  return [...sets.values()]
}

export const printIpsets = (sets: readonly IpSet[]): string =>
  sets.flatMap((set) => set.lines.map((line) => `${line}\n`)).join('')

/**
 * kube-router's sets: policies' and peers', either family, and the temporary one that a failed restore leaves behind
 * (k3s-kube-router.md §4.3). Never by a name that merely begins alike.
 */
export const isKubeRouterSet = (set: IpSet): boolean =>
  /^((inet6:)?KUBE-(SRC|DST)-|TMP-)[A-Z2-7]{16}$/.test(set.name) && ['hash:ip', 'hash:net'].includes(set.type)

/** The set of node addresses that Cilium keeps for its masquerading, and what it swaps in (cilium.md §8.1). */
export const isCiliumSet = (set: IpSet): boolean =>
  /^cilium_node_set_v[46](_tmp)?$/.test(set.name) && set.type.startsWith('hash:')

/** Names to destroy. Sets of sets first: a set that is a member of another is in use. */
export const destroyOrder = (sets: readonly IpSet[]): string[] =>
  [...sets].sort((a, b) => Number(b.type === 'list:set') - Number(a.type === 'list:set')).map((set) => set.name)

/** The text without these sets: what `ipset save` prints after they were destroyed. */
export const withoutSets = (text: string, names: readonly string[]): string =>
  printIpsets(parseIpsets(text).filter((set) => !names.includes(set.name)))

/** Input for `ipset restore`: empties nothing, destroys these. Chains that use them must be gone before. */
export const destroyScript = (names: readonly string[]): string => names.map((name) => `destroy ${name}\n`).join('')
