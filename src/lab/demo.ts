/**
 * `npm run demo`: a practice cluster is made, moved to Cilium with the operator killed half-way, compared, and taken away.
 * Exit 0 only if every part ended as it should and nothing of the lab is left on this machine. Without root it is simulated.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { failureOf, failureText } from '../cli/failure.ts'
import { FailedError, InputError, MigrateError } from '../errors.ts'
import { duration } from '../report/duration.ts'
import { table } from '../report/table.ts'
import { demonstrateSimulated } from '../simulator/demo.ts'
import { application } from './application.ts'
import { canMakeNodes, runAttached } from './host.ts'
import { find, type Lab, list, runFromOperator } from './lab.ts'
import { cgroupOf, labDir } from './layout.ts'
import { childrenOf, processAt } from './processes.ts'

const name = 'demo'
/** In the middle of moving the pods: the first node's are done, the second's were just stopped. */
const killedAt = 'task.afterApply:pods:2'
const parts: { title: string; tookMs: number }[] = []
let interrupted = false

const say = (text: string) => process.stdout.write(`${text}\n`)

const interruption = () => new MigrateError('the demonstration was interrupted', 130)

async function part<T>(title: string, work: () => Promise<T>): Promise<T> {
  if (interrupted) throw interruption()
  say(`\n=== ${title}`)
  const since = performance.now()
  try {
    return await work()
  } finally {
    parts.push({ title, tookMs: performance.now() - since })
  }
}

/** Runs what a user would type, with this terminal; an unexpected end is an error. */
async function expectExit(wanted: number, shown: string, running: () => Promise<number>): Promise<void> {
  say(`$ ${shown}`)
  const code = await running()
  if (interrupted) throw interruption()
  if (code !== wanted) throw new FailedError(`"${shown}" ended with ${code}; expected ${wanted}`)
}

/** `migrate ...` on this machine. A child, so that Ctrl-C ends whatever it is in the middle of. */
const here = (...args: string[]) =>
  expectExit(0, `migrate ${args.join(' ')}`, () => runAttached([process.execPath, application().commandLine, ...args]))

/** `migrate ...` on the operator's side, as in `migrate lab shell`. */
function onOperatorsSide(lab: Lab, argv: readonly [string, ...string[]], wanted = 0): Promise<void> {
  return expectExit(wanted, argv.join(' '), () => runFromOperator(lab, [...argv, '-i', lab.inventoryFile]))
}

const podList = z.object({
  items: z.array(z.object({ status: z.object({ phase: z.string(), podIP: z.string().optional() }) })),
})

/** Counted by looking into every node, past the program that is being shown. */
async function measureCluster(lab: Lab): Promise<[string, number][]> {
  const script = `rules=$(iptables-save); sets=$(ipset list -n)
    count() { printf '%s\\n' "$1" | grep -cE "$2"; }
    count "$(ip -o link)" '^[0-9]+: flannel.1'; count "$(ip -o link)" '^[0-9]+: cilium_vxlan'
    count "$rules" '^-A.*(KUBE-ROUTER|KUBE-POD-FW|KUBE-NWPLCY)'; count "$sets" '^KUBE-'
    count "$rules" '^-A.*FLANNEL-'; true`
  const perNode = await Promise.all(
    lab.nodes.map(async (node) =>
      (await lab.exec(node.name, ['sh', '-c', script])).stdout.trim().split('\n').map(Number),
    ),
  )
  const sum = (index: number) => perNode.reduce((total, counts) => total + (counts[index] ?? Number.NaN), 0)
  const first = lab.nodes[0]?.name ?? ''
  const { stdout } = await lab.exec(first, ['k3s', 'kubectl', 'get', 'pods', '-A', '-o', 'json'])
  // A job's pod that is over keeps its address.
  const running = podList.parse(JSON.parse(stdout)).items.filter(({ status }) => status.phase === 'Running')
  const addresses = running.map(({ status }) => status.podIP ?? '')
  const within = (range: string) => addresses.filter((address) => address.startsWith(range)).length
  return [
    ['pods with an address of flannel (10.42.0.0/16)', within('10.42.')],
    ['pods with an address of Cilium (10.52.0.0/16)', within('10.52.')],
    ['flannel.1 links', sum(0)],
    ['cilium_vxlan links', sum(1)],
    ["kube-router's rules", sum(2)],
    ["kube-router's ipsets", sum(3)],
    ["flannel's rules", sum(4)],
  ]
}

/** The plan's first page, and the one change that everything hangs on; all of it is some 1100 lines. */
async function showPlan(lab: Lab, planFile: string): Promise<void> {
  say(`$ migrate plan -i ${lab.inventoryFile} -o ${planFile}`)
  const { code, stdout, stderr } = await lab.run(['migrate', 'plan', '-i', lab.inventoryFile, '-o', planFile])
  if (code !== 0) throw new FailedError(`migrate plan ended with ${code}:\n${stderr.trim()}`)
  const paragraphs = stdout.split('\n\n')
  const flags = paragraphs.filter((text) => /^\d+\/\d+ flags:/.test(text))
  const shown = [...paragraphs.slice(0, 3), ...flags].join('\n\n')
  const left = stdout.split('\n').length - shown.split('\n').length
  say(`${shown}\n\n(${left} more lines: the steps, and the true diff of every change on every node)\n${stderr.trim()}`)
}

async function demonstrate(): Promise<void> {
  await part('a practice cluster: 3 servers, 1 agent', () => here('lab', 'up', '--name', name))
  const lab = find(name)
  const planFile = `${lab.stateDir}/demo.plan.json`
  const before = await part('the plan', async () => {
    await showPlan(lab, planFile)
    return await measureCluster(lab)
  })
  await part('the migration, whose operator is killed while pods are being moved', async () => {
    const killed = ['env', `MIGRATE_FAULT_POINT=${killedAt}`, 'migrate', 'run', '--yes', planFile] as const
    await onOperatorsSide(lab, killed, 128 + 9)
    // The dead could not give the cursor back.
    if (process.stdout.isTTY) process.stdout.write('\x1b[?25h')
    say(`\nKilled with SIGKILL at ${killedAt}: nothing was cleaned up. The journal says where it stood:`)
    await onOperatorsSide(lab, ['migrate', 'status'])
  })
  await part('resume', () => onOperatorsSide(lab, ['migrate', 'resume', '--yes']))
  await part('before and after', async () => {
    await onOperatorsSide(lab, ['migrate', 'verify'])
    const after = new Map(await measureCluster(lab))
    const rows = before.map(([what, count]) => [what, String(count), String(after.get(what))])
    say(`\n${table([['counted on the nodes themselves', 'before', 'after'], ...rows], 100).join('\n')}`)
  })
  await part('plan again: nothing is left to do', async () => {
    const { code, stdout, stderr } = await lab.run(['migrate', 'plan', '-i', lab.inventoryFile])
    say(`$ migrate plan -i ${lab.inventoryFile}\n${(stdout + stderr).trim()}`)
    if (code !== 0 || !stdout.includes('Nothing to do')) throw new FailedError('a second plan still has changes')
  })
}

/** What a lab is made of, as this machine shows it: network namespaces, mounts, processes with their cgroup. */
function traces(): Record<'network namespaces' | 'mounts' | 'processes', string[]> {
  const read = (file: string) => {
    try {
      return readFileSync(file, 'utf8')
    } catch {
      // A process that has just ended.
      return ''
    }
  }
  // Without the dead that nobody has asked for yet.
  const pids = readdirSync('/proc').filter((entry) => processAt(Number(entry)) !== undefined)
  return {
    'network namespaces': existsSync('/run/netns') ? readdirSync('/run/netns') : [],
    mounts: read('/proc/self/mounts').trim().split('\n'),
    processes: pids.map(
      (pid) => `${pid} ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')} ${read(`/proc/${pid}/cgroup`)}`,
    ),
  }
}

/** Of this lab; not of another one, nor of somebody else who works on this machine meanwhile. */
const isOurs = (trace: string) => ours.test(trace)
const ours = new RegExp(`\\blab-${name}-([sa]\\d+|bridge|operator)\\b|${labDir(name)}/|${cgroupOf(name, '')}`)

/** Also after a failure and after Ctrl-C: whatever state the lab is in, `lab down` takes it away. */
async function cleanUp(before: ReturnType<typeof traces>): Promise<void> {
  interrupted = false
  await part('the lab is taken away', async () => {
    if (list().some((lab) => lab.name === name)) await here('lab', 'down', '--name', name)
    const after = traces()
    const kinds = ['network namespaces', 'mounts', 'processes'] as const
    const left = kinds.flatMap((kind) => after[kind].filter(isOurs))
    const rows = kinds.map((kind) => {
      const counts = [before[kind], after[kind], after[kind].filter(isOurs)]
      return [kind, ...counts.map(({ length }) => String(length))]
    })
    say(`\n${table([['on this machine', 'before', 'after', 'left by the lab'], ...rows], 100).join('\n')}`)
    if (left.length > 0) throw new FailedError(`of the lab this is left:\n${left.join('\n')}`)
  })
}

async function main(): Promise<void> {
  if (!canMakeNodes()) {
    say(`Practice nodes are made of Linux containers, as root, and this is not root on Linux. Shown instead: the same program
over a simulated cluster, in memory. No node, no K3s, no Cilium, no SSH; time passes as fast as it can be computed.`)
    await demonstrateSimulated(say)
    say('\nDone: planned, migrated, killed, resumed, compared; simulated. As root on Linux: the same on real nodes.')
    return
  }
  if (list().some((lab) => lab.name === name)) {
    throw new InputError(`a lab "${name}" is on this machine already`, {
      next: `npm run -s migrate -- lab down --name ${name}`,
    })
  }
  say(`This makes a practice cluster of four containers on this machine, moves it from flannel to Cilium, kills the
operator half-way, resumes, compares, and takes everything away again: about four minutes, once a minute more
to build the nodes' root file system. Debian packages that are missing here are installed, and named before.
Kept: those packages, and /var/cache/cni-migrate-lab. K3s and Cilium are stand-ins (README.md says what is real).`)
  const before = traces()
  try {
    await demonstrate()
  } finally {
    await cleanUp(before)
    const total = parts.reduce((sum, { tookMs }) => sum + tookMs, 0)
    const rows = [...parts, { title: 'all', tookMs: total }].map(({ title, tookMs }) => [title, duration(tookMs)])
    say(`\n${table([['part', 'took'], ...rows], 100).join('\n')}`)
  }
  say('\nDone: migrated, killed, resumed, verified, taken away.')
}

// Ctrl-C reaches the command in hand as well, which ends as it would by itself; a lone SIGTERM is passed on to it.
process.on('SIGINT', () => {
  interrupted = true
})
process.on('SIGTERM', () => {
  interrupted = true
  for (const { pid } of childrenOf(process.pid)) process.kill(pid, 'SIGTERM')
})

try {
  await main()
} catch (error) {
  process.stderr.write(failureText(failureOf(error)))
  process.exitCode = failureOf(error).exitCode
}
