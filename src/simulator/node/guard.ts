import { due } from '../cluster/evolve.ts'
import type { GuardOfNode, NodeState } from '../cluster/state.ts'
import { failed, type Handler, noSpace, said } from './answer.ts'
import { mkdirs, removeEmpty, removeTree } from './files.ts'

const hasFired = failed('', 95)

function remove(node: NodeState, folder: string): void {
  node.guard = null
  removeTree(node, folder)
  removeEmpty(node, folder.slice(0, folder.lastIndexOf('/')))
}

const armGuard: Handler = (state, node, { args }) => {
  const [folder = '', , seconds, , , , , , agent, ...tables] = args
  const { guard } = node
  if (guard?.state === 'fired') return hasFired
  const firesAtMs = state.nowMs + Number(seconds) * 1000
  const isRenewed = guard?.state === 'armed'
  if (isRenewed) guard.firesAtMs = firesAtMs
  else {
    if (node.diskFull) return noSpace
    mkdirs(node, folder)
    node.files[`${folder}/armed`] = { text: '', mode: 0o600 }
    const saved = structuredClone({ links: node.links, tables: node.tables, ipsets: node.ipsets, rules: node.rules })
    const made: GuardOfNode = { state: 'armed', firesAtMs, holdsAgent: agent === 'agent', tables, saved, did: [] }
    node.guard = made
  }
  due(state, `guard:${node.name}`, Number(seconds) * (1000 / state.pace))
  return said(isRenewed ? 'renewed\n' : 'armed\n', 200)
}

const renewGuard: Handler = (state, node, _call) => {
  const { guard } = node
  if (guard?.state === 'fired') return hasFired
  if (guard?.state !== 'armed') return failed('', 3)
  guard.firesAtMs = state.nowMs + guardMs
  return said('')
}

/** What an operation arms one for (operations/under-guard.ts): a renewal does not say it again. */
const guardMs = 120_000

const disarmGuard: Handler = (_state, node, { args: [folder = ''] }) => {
  if (node.guard?.state === 'fired') return hasFired
  remove(node, folder)
  return said('')
}

const lookAtGuard: Handler = (state, node, _call) => {
  const { guard } = node
  if (guard === null) return said('none\n')
  if (guard.state !== 'fired') return said(`${guard.state}\n`)
  const atMs = Math.round(Math.min(guard.firesAtMs, state.nowMs) + node.clockSkewMs)
  return said(`fired ${atMs} yes\n${guard.did.map((what) => `done: ${what}\n`).join('')}`)
}

const forgetGuard: Handler = (_state, node, { args: [folder = ''] }) => {
  remove(node, folder)
  return said('')
}

const releaseAgent: Handler = (_state, node) => {
  node.agentHeld = false
  return said('')
}

export const guardScripts: Readonly<Record<string, Handler>> = {
  'arm-guard': armGuard,
  'renew-guard': renewGuard,
  'disarm-guard': disarmGuard,
  'look-at-guard': lookAtGuard,
  'forget-guard': forgetGuard,
  'release-agent': releaseAgent,
}
