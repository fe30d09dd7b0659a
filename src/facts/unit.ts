import { z } from 'zod'
import { FailedError } from '../errors.ts'
import { splitWords } from '../netfilter/words.ts'
import type { Family } from './family.ts'

/**
 * K3s' unit, apart from the rest of K3s: what is looked at over and over while the control plane is away has to be read
 * quickly.
 */
export const unitSchema = z.object({
  /** `k3s`, `k3s-agent` or what INSTALL_K3S_NAME made of it. */
  name: z.string(),
  /** From the word after the binary in ExecStart, never from the unit's name. */
  role: z.enum(['server', 'agent']),
  activeState: z.string(),
  subState: z.string(),
  result: z.string(),
  enabled: z.boolean(),
  /** As systemd split it, secrets masked. */
  execStart: z.array(z.string()),
  fragmentPath: z.string(),
  mainPid: z.number(),
})
export type UnitFacts = z.infer<typeof unitSchema>

/** A property in the answer of `systemctl show`; null where it has none. */
export const property = (show: string, name: string): string | null => {
  const line = show.split('\n').find((one) => one.startsWith(`${name}=`))
  return line === undefined ? null : line.slice(name.length + 1)
}

/** `{ path=... ; argv[]=WORDS ; ignore_errors=... }`: systemd prints the words it split, with blanks between. */
function execWords(show: string): string[] {
  const argv = / argv\[\]=(.*?) ; ignore_errors=/.exec(property(show, 'ExecStart') ?? '')?.[1]
  if (argv === undefined) throw new FailedError('systemctl show: expected "ExecStart={ path=... ; argv[]=... ; ..."')
  return splitWords(argv)
}

/**
 * @param unit the name that the script found, with its suffix; empty: it found none
 * @param show what `systemctl show` says of it
 */
export function parseUnit(unit: string, show: string): UnitFacts {
  const name = unit.trim()
  if (name === '')
    throw new FailedError('no K3s here: expected a unit k3s*.service that runs "k3s server" or "k3s agent"', {
      next: 'take the node out of the inventory, or install K3s on it',
    })
  const words = execWords(show)
  const role = words[1]
  if (role !== 'server' && role !== 'agent')
    throw new FailedError(`${name}: expected "server" or "agent" as the first argument, got ${role}`)
  return {
    name: name.replace(/\.service$/, ''),
    role,
    activeState: property(show, 'ActiveState') ?? '',
    subState: property(show, 'SubState') ?? '',
    result: property(show, 'Result') ?? '',
    enabled: /^enabled/.test(property(show, 'UnitFileState') ?? ''),
    execStart: words,
    fragmentPath: property(show, 'FragmentPath') ?? '',
    mainPid: Number(property(show, 'MainPID') ?? ''),
  }
}

/** K3s' unit as systemd has it now. */
export const unitFamily: Family<UnitFacts> = {
  script: `
emit unit.name printf %s "$k3s_unit"
emit unit.show show_k3s
`,
  parse: (sections) => parseUnit(sections.text('unit.name'), sections.text('unit.show')),
}
