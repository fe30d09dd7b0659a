import { spawn } from 'node:child_process'
import { stripVTControlCharacters } from 'node:util'
import type { Lab } from '../../../src/lab/lab.ts'

/** Words of a question, and what is typed at it: once. */
export type Answers = Readonly<Record<string, string>>

export interface Typed {
  code: number | null
  /** Everything that was on the terminal. */
  screen: string
  /** Questions that were asked. */
  asked: string[]
}

/**
 * Runs `migrate` on the operator's side at a terminal of its own (script(1)), and types the answers to its questions. They go
 * through a pipe: no argument and no variable holds them.
 */
export function typed(lab: Lab, commandLine: string, answers: Answers): Promise<Typed> {
  const terminal = ['script', '--quiet', '--return', '--command', `migrate ${commandLine}`, '/dev/null']
  const child = spawn('nsenter', [`--net=/run/netns/${lab.operatorNamespace}`, '--', ...terminal], {
    env: { ...process.env, PATH: `${lab.stateDir}/bin:${process.env.PATH}`, TERM: 'xterm', NO_COLOR: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let screen = ''
  const asked: string[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text
    const shown = stripVTControlCharacters(screen)
    const question = Object.keys(answers).find((words) => !asked.includes(words) && shown.includes(words))
    if (question === undefined) return
    asked.push(question)
    child.stdin.write(`${answers[question]}\r`)
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, screen, asked }))
  })
}
