import { attempt } from '../cluster/reach.ts'
import { isReached } from '../cluster/state.ts'
import { type Handler, noSpace, said } from './answer.ts'
import { mkdirs, removeEmpty, removeTree } from './files.ts'

const followTargets: Handler = (_state, node, { args: [folder = '', unit = ''], input }) => {
  if (node.diskFull) return noSpace
  mkdirs(node, folder)
  node.files[`${folder}/targets`] = { text: input, mode: 0o600 }
  node.files[`${folder}/results`] ??= { text: '', mode: 0o600 }
  if (!node.units.includes(unit)) node.units.push(unit)
  return said('', 30)
}

const stopProbe: Handler = (_state, node, { args: [folder = '', unit = ''] }) => {
  node.units = node.units.filter((one) => one !== unit)
  return said(node.files[`${folder}/results`] ? 'there\n' : 'none\n', 30)
}

const forgetProbe: Handler = (_state, node, { args: [folder = ''] }) => {
  removeTree(node, folder)
  const run = folder.slice(0, folder.lastIndexOf('/'))
  removeEmpty(node, run)
  removeEmpty(node, run.slice(0, run.lastIndexOf('/')))
  return said('')
}

/** `once`: one new connection for each line of its input. */
const connectProbe: Handler = (state, node, { args, input }) => {
  if (args[0] !== 'once') throw new Error(`the simulator does not know connect-probe ${args[0]}`)
  const nowMs = Math.round(state.nowMs + node.clockSkewMs)
  const lines = input
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [id, netns = '', address = '', port] = line.split('\t')
      return `${id}\t${nowMs}\t3\t${attempt(state, node, netns, address, Number(port))}\t\n`
    })
  return said(lines.join(''), 300)
}

/** Every port between nodes that are switched on is open: the simulated network filters nothing. */
const nodePaths: Handler = (state, node, { args, input }) => {
  const [token, , , , , ...ports] = args
  const spec = (one: string) => one.split(':') as [string, string]
  const listening = ports.map((one) => `listening ${spec(one).join(' ')} yes\n`)
  const others = Object.values(state.nodes).filter((other) => other !== node && isReached(other))
  const arrived = ports
    .filter((one) => one.startsWith('udp:'))
    .flatMap((one) => others.map((other) => `arrived ${spec(one)[1]} ${token} ${other.name}\n`))
  const tries = input
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, protocol]) => protocol === 'tcp' || protocol === 'icmp')
    .map(([id, , address]) => `try ${id} ${others.some((one) => one.address === address) ? 'open' : 'timeout'}\n`)
  return said([...listening, ...arrived, ...tries].join(''), 3_000)
}

export const probeScripts: Readonly<Record<string, Handler>> = {
  'follow-targets': followTargets,
  'stop-probe': stopProbe,
  'forget-probe': forgetProbe,
  'connect-probe': connectProbe,
  'node-paths': nodePaths,
}
