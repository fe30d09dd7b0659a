/** Asks the operator for what must not be in a file: a sudo password, a key's passphrase. Never echoed. */
export interface Secrets {
  /** @throws when nobody can be asked (not a terminal, `--yes`) */
  ask(prompt: string): Promise<string>
}
