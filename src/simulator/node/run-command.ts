import type { ClusterState, NodeState, SentCommand } from '../cluster/state.ts'
import type { Ended, Handler } from './answer.ts'
import { factScripts } from './facts.ts'
import { filePrograms, fileScripts } from './files.ts'
import { guardScripts } from './guard.ts'
import { lockScripts } from './locks.ts'
import { probeScripts } from './probe.ts'
import { changeScripts, programs } from './programs.ts'
import { recognise } from './script.ts'

const scripts: Readonly<Record<string, Handler>> = {
  ...factScripts,
  ...fileScripts,
  ...lockScripts,
  ...guardScripts,
  ...probeScripts,
  ...changeScripts,
}
const allPrograms: Readonly<Record<string, Handler>> = { ...filePrograms, ...programs }

/** A command on a simulated node. What it does not know it refuses loudly: that is a fault of the simulator. */
export function runCommand(state: ClusterState, node: NodeState, command: SentCommand): Ended {
  const call = recognise(command)
  if (call.kind === 'torn')
    return { code: 2, stdout: '', stderr: 'sh: Syntax error: end of file unexpected', tookMs: 5 }
  const [handlers, name, args] =
    call.kind === 'script' ? [scripts, call.name, call.args] : [allPrograms, call.argv[0] ?? '', call.argv.slice(1)]
  const handler = handlers[name]
  if (!handler)
    throw new Error(`the simulator does not know the ${call.kind} ${name}: ${command.argv.join(' ').slice(0, 200)}`)
  return handler(state, node, { args, input: call.input, text: call.kind === 'script' ? call.text : '' })
}
