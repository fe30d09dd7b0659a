import { removeLeftovers } from '../cluster/cilium.ts'
import { end, hasQuorum, start } from '../cluster/evolve.ts'
import { execWords, removeLink, unitFile } from '../cluster/k3s.ts'
import { syncPolicies } from '../cluster/kube-router.ts'
import { destroySets, restoreTables } from '../cluster/netfilter.ts'
import { stopSandbox } from '../cluster/pods.ts'
import { kubeletLives } from '../cluster/state.ts'
import { failed, type Handler, noSpace, said } from './answer.ts'
import { mkdirs } from './files.ts'

const unknown = (program: string, args: readonly string[]): never => {
  throw new Error(`the simulator does not know ${program} ${args.join(' ')}`)
}

const systemctl: Handler = (state, node, { args }) => {
  const [verb, ...rest] = args
  const unit = rest.at(-1)
  if (verb === 'daemon-reload') {
    node.unit.words = execWords(node.files[unitFile(node)]?.text ?? '')
    return said('', 200)
  }
  if (unit !== node.unit.name) return unknown('systemctl', args)
  if ((verb === 'start' || verb === 'restart') && rest[0] === '--no-block') {
    const { phase } = node.unit
    if (verb === 'restart' && (phase === 'active' || phase === 'starting')) end(node, 'inactive')
    start(state, node)
    return said('', 20)
  }
  if (verb !== 'stop' || rest.length !== 1) return unknown('systemctl', args)
  const { phase } = node.unit
  if (phase === 'inactive' || phase === 'failed') return said('', 20)
  end(node, phase === 'active' && node.runs?.flannel ? 'failed' : 'inactive')
  return said('', 1_500)
}

const ip: Handler = (_state, node, { args }) => {
  const [object, verb, link = ''] = args
  if (object !== 'link' || verb !== 'delete') return unknown('ip', args)
  if (!node.links.some(({ name }) => name === link)) return failed(`Cannot find device "${link}"`)
  removeLink(node, link)
  return said('')
}

const ipset: Handler = (_state, node, { args, input }) => {
  if (args.join(' ') !== 'restore') return unknown('ipset', args)
  const problem = destroySets(node, input)
  return problem === null ? said('') : failed(problem)
}

const k3s: Handler = (state, node, call) => {
  const [command, verb, ...rest] = call.args
  if (command === 'etcd-snapshot' && verb === 'save' && rest[0] === '--name') {
    if (!kubeletLives(node) || !hasQuorum(state)) return failed('connection refused')
    if (node.diskFull) return noSpace
    const folder = '/var/lib/rancher/k3s/server/db/snapshots'
    const seconds = Math.floor((state.nowMs + node.clockSkewMs) / 1000)
    mkdirs(node, folder)
    const text = `snapshot of ${Object.keys(state.objects).length} objects`
    node.files[`${folder}/${rest[1]}-${node.name}-${seconds}`] = { text, mode: 0o600, modifiedS: seconds }
    return said('', 1_000)
  }
  if (command !== 'crictl') return unknown('k3s', call.args)
  if (!kubeletLives(node)) return failed('containerd: connection refused')
  if (verb === 'pull') {
    if (node.diskFull) return noSpace
    if (!node.images.includes(rest[0] ?? '')) node.images.push(rest[0] ?? '')
    return said('', 3_000)
  }
  if (verb === 'rmi') {
    node.images = node.images.filter((image) => !rest.includes(image))
    return said('', 200)
  }
  if (verb !== 'stopp') return unknown('k3s', call.args)
  const missing = rest.filter((id) => !node.sandboxes.some((one) => one.id === id))
  for (const sandbox of node.sandboxes)
    if (sandbox.ready && rest.includes(sandbox.id)) stopSandbox(state, node, sandbox)
  return missing.length === 0 ? said('', 500) : failed(`pod sandbox ${missing[0]}: not found`)
}

const rm: Handler = (_state, node, { args }) => {
  const [force, end, ...paths] = args
  if (force !== '-f' || end !== '--') return unknown('rm', args)
  for (const path of paths) delete node.files[path]
  return said('')
}

export const programs: Readonly<Record<string, Handler>> = { systemctl, ip, ipset, k3s, rm }

const iptablesRestore: Handler = (state, node, { args: [ruleset], input }) => {
  if (ruleset !== 'ip-nft') throw new Error(`the simulated nodes have no rule set ${ruleset}`)
  syncPolicies(state, node)
  const problem = restoreTables(node, input)
  return problem === null ? said('', 50) : failed(problem.said, problem.code)
}

const forgetResults: Handler = (_state, node, { args }) => {
  for (const path of Object.keys(node.files))
    if (args.some((network) => path.startsWith(`/var/lib/cni/results/${network}-`))) delete node.files[path]
  return said('')
}

const forgetContainers: Handler = (_state, node, { args }) => {
  for (const [path, file] of Object.entries(node.files)) {
    const isOfOne = args.some(
      (id) =>
        path.startsWith(`/var/lib/cni/results/cbr0-${id}-`) ||
        path === `/var/lib/cni/flannel/${id}` ||
        (path.startsWith('/var/lib/cni/networks/cbr0/') && file.text.startsWith(id)),
    )
    if (isOfOne) delete node.files[path]
  }
  return said('')
}

const giveCniBack: Handler = (_state, node, { args: [confDir = '', own = '', ...strangers] }) => {
  delete node.files[`${confDir}/${own}`]
  for (const [path, file] of Object.entries(node.files)) {
    if (!path.startsWith(`${confDir}/`) || !path.endsWith('.cilium_bak') || strangers.includes(path)) continue
    node.files[path.slice(0, -'.cilium_bak'.length)] ??= file
    delete node.files[path]
  }
  return said('')
}

const ciliumLeftovers: Handler = (state, node, { args }) => {
  removeLeftovers(node, args)
  // An agent that still runs makes them again.
  const isAlive = state.cilium.agents[node.name] !== undefined
  return isAlive ? failed('4 links of Cilium are still there') : said('', 200)
}

export const changeScripts: Readonly<Record<string, Handler>> = {
  'iptables-add': iptablesRestore,
  'iptables-remove': iptablesRestore,
  'forget-results': forgetResults,
  'forget-containers': forgetContainers,
  'give-cni-back': giveCniBack,
  'cilium-leftovers': ciliumLeftovers,
}
