import { FailedError } from '../errors.ts'
import type { Redactor } from './redactor.ts'
import type { Secrets } from './secrets.ts'

const attemptsAllowed = 3

interface Entry {
  password: Promise<string>
  /** Node on which it was right. */
  provenOn: string | null
}

/** Sudo passwords of this run, one for each user: asked once for all nodes, kept in memory. */
export class SudoPasswords {
  private readonly secrets: Secrets
  private readonly redactor: Redactor
  private readonly entries = new Map<string, { current: Entry; asked: number }>()

  constructor(secrets: Secrets, redactor: Redactor) {
    this.secrets = secrets
    this.redactor = redactor
  }

  /**
   * The password that `check` accepts. Asks again when it is wrong, three times in all for a user.
   * @throws FailedError when it is still wrong, or right on one node and wrong on another
   */
  async obtain(user: string, node: string, check: (password: string) => Promise<boolean>): Promise<string> {
    for (;;) {
      const state = this.stateOf(user, node)
      const entry = state.current
      const password = await entry.password
      if (await check(password)) {
        entry.provenOn = node
        return password
      }
      if (entry.provenOn !== null)
        throw new FailedError(`${node}: sudo refuses the password of ${user} that ${entry.provenOn} accepted`, {
          host: node,
          next: 'give the user the same password on all nodes, or NOPASSWD for the time of the migration',
        })
      // Another node may have found out first and asked already.
      if (state.current !== entry) continue
      if (state.asked >= attemptsAllowed)
        throw new FailedError(`${node}: sudo refused ${attemptsAllowed} passwords of ${user}`, {
          host: node,
          next: `try: ssh ${user}@${node} sudo -v`,
        })
      state.asked++
      state.current = { password: this.ask(user, `That was wrong on ${node}. `), provenOn: null }
    }
  }

  private stateOf(user: string, node: string): { current: Entry; asked: number } {
    const known = this.entries.get(user)
    if (known) return known
    const state = { current: { password: this.ask(user, `${node} wants one: `), provenOn: null }, asked: 1 }
    this.entries.set(user, state)
    return state
  }

  private async ask(user: string, why: string): Promise<string> {
    const password = await this.secrets.ask(`${why}sudo password of ${user}`)
    if (/[\n\r\0]/.test(password)) throw new FailedError('a password cannot hold a line break')
    this.redactor.add(password)
    return password
  }
}
