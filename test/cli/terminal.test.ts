import { expect, test } from 'vitest'
import { promptSecrets, terminalOf } from '../../src/cli/terminal.ts'

const tty = { stdin: { isTTY: true }, stdout: { isTTY: true, columns: 90 } }

test('redrawing only on a terminal that wants it', () => {
  expect(terminalOf(tty, {}, true)).toEqual({ interactive: true, live: true, colour: true, width: 90 })
  expect(terminalOf(tty, { CI: '1' }, true)).toMatchObject({ interactive: true, live: false })
  expect(terminalOf(tty, { NO_COLOR: '1' }, true)).toMatchObject({ interactive: true, live: false, colour: false })
  expect(terminalOf(tty, { TERM: 'dumb' }, true)).toMatchObject({ live: false, colour: false })
  expect(terminalOf(tty, {}, false)).toMatchObject({ interactive: true, live: false, colour: false })
  expect(terminalOf({ stdin: { isTTY: true }, stdout: {} }, {}, true)).toEqual({
    interactive: false,
    live: false,
    colour: false,
    width: 120,
  })
})

test('a secret is not waited for where nobody can give it', async () => {
  const secrets = promptSecrets(terminalOf({ stdin: {}, stdout: {} }, {}, true))
  await expect(secrets.ask('sudo password of ops')).rejects.toThrow(
    /sudo password of ops is needed, and there is no terminal/,
  )
})
