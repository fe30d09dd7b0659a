/**
 * What watching kube-router's REJECT counters costs on a node with 20,000 rules: the sampler, and a plain
 * `iptables-save -c | egrep | awk` once a second. In a network namespace of its own, with both backends.
 * `npm run bench:sampler`, as root; about five minutes. Ends with 1 when the sampler takes more than its 2 % of a core.
 */
import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { systemClock } from '../src/cli/session.ts'
import type { Node } from '../src/nodes/node.ts'
import { sampleRejects } from '../src/probes/reject-sampler.ts'
import { mostCpuShare } from '../src/probes/reject-sampler-script.ts'
import { table } from '../src/report/table.ts'

const rulesWanted = 20_000
const policies = 1_000
const pods = 100
const secondsEach = 60

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const chainOf = (prefix: string, number: number): string =>
  prefix + [...number.toString(32).padStart(16, '0')].map((digit) => digits[Number.parseInt(digit, 32)]).join('')

/** A filter table as kube-router writes it, of so many policies and pods, filled up with ports to the rules wanted. */
function filterTable(): string {
  const policyChain = (number: number): string => chainOf('KUBE-NWPLCY-', number)
  const podChain = (number: number): string => chainOf('KUBE-POD-FW-', number)
  const podRules = Array.from({ length: pods }, (_, number) => {
    const chain = podChain(number)
    const name = `POD name:web-7b8c9b7f6d-${number} namespace: shop`
    const unmarked = '-m mark ! --mark 0x10000/0x10000'
    return [
      ...[0, 1, 2, 3, 4].map(
        (at) =>
          `-A ${chain} -d 10.42.0.${number}/32 -m comment --comment "run through nw policy allow-${at}" -j ${policyChain((number * 7 + at) % policies)}`,
      ),
      `-A ${chain} -m comment --comment "rule to log dropped traffic ${name}" ${unmarked} -m limit --limit 10/minute --limit-burst 10 -j NFLOG --nflog-group 100`,
      `-A ${chain} -m comment --comment "rule to REJECT traffic destined for ${name}" ${unmarked} -j REJECT`,
      `-A KUBE-ROUTER-FORWARD -d 10.42.0.${number}/32 -m comment --comment "rule to jump traffic destined to ${name} to chain ${chain}" -j ${chain}`,
    ]
  }).flat()
  const perPolicy = (rulesWanted - podRules.length - 1) / policies
  const policyRules = Array.from({ length: policies }, (_, number) =>
    Array.from({ length: Math.ceil(perPolicy) }, (_, rule) => {
      const match = `-p tcp -m comment --comment "rule to ACCEPT traffic from source pods to dest pods selected by policy name allow-${number} namespace shop" -m set --match-set KUBE-SRC-BENCHBENCHBENCHB src -m set --match-set KUBE-DST-BENCHBENCHBENCHB dst -m tcp --dport ${8000 + rule}`
      return `-A ${policyChain(number)} ${match} -j MARK --set-xmark 0x10000/0x10000`
    }),
  ).flat()
  return [
    ...[
      '*filter',
      ':INPUT ACCEPT [0:0]',
      ':FORWARD ACCEPT [0:0]',
      ':OUTPUT ACCEPT [0:0]',
      ':KUBE-ROUTER-FORWARD - [0:0]',
    ],
    ...Array.from({ length: policies }, (_, number) => `:${policyChain(number)} - [0:0]`),
    ...Array.from({ length: pods }, (_, number) => `:${podChain(number)} - [0:0]`),
    '-A FORWARD -j KUBE-ROUTER-FORWARD',
    ...[...policyRules, ...podRules].slice(0, rulesWanted - 1),
    ...['COMMIT', ''],
  ].join('\n')
}

/** A process that holds a network namespace open; its end is the namespace's. */
async function openNamespace(): Promise<{ argv: string[]; close(): void }> {
  const holder = execFile('unshare', ['--net', 'sh', '-c', 'echo ready; exec sleep 3600'])
  await new Promise((resolve) => holder.stdout?.once('data', resolve))
  return { argv: ['nsenter', `--net=/proc/${holder.pid}/ns/net`, '--'], close: () => holder.kill() }
}

const within = (argv: readonly string[], command: readonly string[], input = ''): string => {
  const [program = '', ...args] = [...argv, ...command]
  const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: 'utf8', maxBuffer: 1 << 28 })
  if (status !== 0) throw new Error(`${command.join(' ').slice(0, 100)}: ${stderr}`)
  return stdout
}

/** The namespace as the sampler's node. */
const nodeIn = (argv: readonly string[]): Node => ({
  name: 'here',
  connect: () => Promise.reject(new Error('there is nothing to connect to')),
  reconnect: () => Promise.resolve(),
  async run(command) {
    const startedMs = performance.now()
    const [program = '', ...args] = [...argv, ...command.argv]
    const { stdout, stderr } = await promisify(execFile)(program, args, { maxBuffer: 1 << 26 })
    return { kind: 'exited', code: 0, stdout, stderr, durationMs: performance.now() - startedMs }
  },
})

/** CPU time of everything the work starts, by the kernel's account of children that have ended, over the time it took. */
async function measured(work: () => Promise<number>): Promise<{ share: number; samples: number }> {
  const before = childrenCpuMs()
  const startedMs = performance.now()
  const samples = await work()
  return { share: (childrenCpuMs() - before) / (performance.now() - startedMs), samples }
}

/** cutime and cstime in /proc/self/stat, in hundredths of a second (proc(5)). */
function childrenCpuMs(): number {
  const fields =
    within([], ['cat', `/proc/${process.pid}/stat`])
      .split(') ')[1]
      ?.split(' ') ?? []
  return (Number(fields[13]) + Number(fields[14])) * 10
}

const plain = (backend: string): string => `end=$((SECONDS + ${secondsEach})); samples=0
while [ $SECONDS -lt $end ]; do
  iptables-${backend}-save -c | grep -E 'KUBE-POD-FW|homeassistant|REJECT' | awk '/REJECT/ { sum += substr($1, 2) } END { print sum }' >/dev/null
  samples=$((samples + 1))
  sleep 1
done
echo $samples`

const percent = (share: number): string => `${(share * 100).toFixed(2)} %`
const rows: string[][] = []
let tooDear = false
for (const backend of ['nft', 'legacy']) {
  const namespace = await openNamespace()
  try {
    const sets = ['SRC', 'DST'].map((side) => `create KUBE-${side}-BENCHBENCHBENCHB hash:ip\n`).join('')
    within(namespace.argv, ['ipset', 'restore'], sets)
    within(namespace.argv, [`iptables-${backend}-restore`], filterTable())
    const rules = within(namespace.argv, [`iptables-${backend}-save`, '-t', 'filter']).match(/^-A /gm)?.length ?? 0
    process.stderr.write(`${backend}: ${rules} rules, ${secondsEach} s each\n`)
    const naive = await measured(async () => {
      const [program = '', ...args] = [...namespace.argv, 'bash', '-c', plain(backend)]
      return Number((await promisify(execFile)(program, args)).stdout)
    })
    let saidShare = 0
    const sampler = await measured(async () => {
      const found = await sampleRejects(nodeIn(namespace.argv), { clock: systemClock, durationMs: secondsEach * 1000 })
      if (found.problem !== null) throw new Error(found.problem)
      saidShare = found.cpuShare
      return found.samplesMs.length
    })
    tooDear ||= sampler.share > mostCpuShare
    rows.push([
      backend,
      String(rules),
      'iptables-save | egrep | awk, 1 Hz',
      percent(naive.share),
      '',
      String(naive.samples),
    ])
    rows.push(['', '', 'the sampler', percent(sampler.share), percent(saidShare), String(sampler.samples)])
  } finally {
    namespace.close()
  }
}
const head = ['backend', 'rules', '', 'of a core', 'by its own count', 'samples in a minute']
process.stdout.write(`${table([head, ...rows], 120).join('\n')}\n`)
process.exitCode = tooDear ? 1 : 0
