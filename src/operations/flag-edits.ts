import { InputError } from '../errors.ts'

/** One flag in one file. `value` is what it shall be. */
export interface FlagEdit {
  key: string
  value: string
}

/** Our own drop-in: sorts late, and is read even when there is no config.yaml (k3s-kube-router.md §2.1). */
export const dropInPath = '/etc/rancher/k3s/config.yaml.d/90-cni-migrate.yaml'

/**
 * A top-level key of a K3s configuration file set to a value, every other byte as it was. Only the plain form
 * `key: value` is edited: anything else (lists, `key+`, anchors, several documents) is refused, not guessed at.
 */
export function editYaml(text: string, { key, value }: FlagEdit, path: string): string {
  const lines = text.split(/(?<=\n)/)
  let found = false
  for (const [index, line] of lines.entries()) {
    const match = /^((['"]?)([A-Za-z0-9-]+)(\+?)\2[ \t]*:[ \t]*)(.*?)((?:[ \t]+#[^\r\n]*)?[ \t]*(?:\r?\n)?)$/s.exec(
      line,
    )
    if (!match || match[3] !== key) continue
    const [, prefix = '', , , plus, old = '', rest = ''] = match
    if (plus === '+' || old === '' || /^[[{&*|>#]/.test(old))
      throw new InputError(`${path}, line ${index + 1}: ${key} is not written as a plain "key: value"`, {
        next: `write "${key}: ${value}" there by hand, then plan again`,
      })
    // Of several occurrences the last wins; all are set, so that no reader has to know that.
    lines[index] = prefix + value + rest
    found = true
  }
  if (!found)
    throw new InputError(`${path}: ${key} was expected in it as a line of its own and is not`, {
      next: `write "${key}: ${value}" there by hand, then plan again`,
    })
  return lines.join('')
}

/**
 * An argument of a unit's ExecStart set to a value: `'--key=old'`, `--key=old`, or the two-word form that install.sh writes
 * on two lines (k3s-kube-router.md §1.1). Every other byte as it was.
 */
export function editUnit(text: string, { key, value }: FlagEdit, path: string): string {
  const joined = new RegExp(`(^|[\\s'"])(--${key}=)([^\\s'"\\\\]*)`, 'gm')
  if (joined.test(text)) return text.replace(joined, `$1$2${value}`)
  const two = new RegExp(
    `(^|[\\s])((['"]?)--${key}\\3\\s+(?:\\\\\\r?\\n\\s*)?(['"]?))([^\\s'"\\\\-][^\\s'"\\\\]*)\\4`,
    'gm',
  )
  if (two.test(text)) return text.replace(two, `$1$2${value}$4`)
  // A bare boolean flag: `'--disable-network-policy'` already means true.
  const bare = new RegExp(`(^|\\s)(['"]?)--${key}\\2(?=\\s|$)`, 'gm')
  if (bare.test(text)) return text.replace(bare, `$1$2--${key}=${value}$2`)
  throw new InputError(`${path}: --${key} was expected in ExecStart and is not`, {
    next: `set --${key}=${value} there by hand, then plan again`,
  })
}

const line = ({ key, value }: FlagEdit): string => `${key}: ${value}\n`

/** Our drop-in with these flags, which nothing else holds. @param text as it is; empty: it is made */
export function editDropIn(text: string, edits: readonly FlagEdit[]): string {
  const begun = text === '' ? '# Written by cni-migrate. Deleted again by its rollback.\n' : text
  return edits.reduce(
    (now, edit) =>
      new RegExp(`^${edit.key}:`, 'm').test(now) ? editYaml(now, edit, dropInPath) : `${now}${line(edit)}`,
    begun,
  )
}
