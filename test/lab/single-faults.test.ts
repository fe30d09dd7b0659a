import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { z } from 'zod'
import { must, until } from '../../src/lab/host.ts'
import { breakNode, type Lab, mendNode, power, up } from '../../src/lab/lab.ts'
import { expectState } from './support/cluster-state.ts'
import { takeDown } from './support/fresh-lab.ts'
import { onNode } from './support/lab-access.ts'
import { killed, migrate, migrateUntil, mustMigrate } from './support/migrate.ts'
import { journalFile, migrateWhile } from './support/migrate-while.ts'
import { everyNodeReady } from './support/nodes-ready.ts'
import { plant, plantAgain } from './support/planted.ts'
import { type Undisturbed, undisturbed } from './support/undisturbed.ts'

// One run, and one rollback, with everything going wrong one after the other: the tests build on each other, in this order.
const name = 'faults'
let lab: Lab
let planFile: string
let ends: Undisturbed
const stateDir = () => join(lab.stateDir, '.migrate')

const clear = async () => {
  await must(['sh', '-c', 'umount "$1" 2>/dev/null || :', 'sh', `/var/lib/cni-migrate-lab/${name}/.migrate`])
  await takeDown(name)
}

beforeAll(async () => {
  await clear()
  lab = await up({ name, servers: 3, agents: 1 })
  planFile = join(lab.stateDir, 'plan.json')
  // A disk of the operator's own, that can be filled.
  await must(['mkdir', '-m', '700', stateDir()])
  await must(['mount', '-t', 'tmpfs', '-o', 'size=256m,mode=700', 'tmpfs', stateDir()])
  ends = await undisturbed(lab)
  await mustMigrate(lab, 'plan', '-o', planFile)
})
afterAll(clear)

/** Ends in one of the ways in which a run may end that met with trouble, and never with a stack trace. */
async function expectEnd(ending: ReturnType<typeof migrate>, codes: readonly number[], said: RegExp): Promise<void> {
  const { code, stdout, stderr } = await ending
  expect(codes, stdout.slice(-2_000) + stderr).toContain(code)
  expect(stdout + stderr).toMatch(said)
  expect(stderr).not.toMatch(/\n\s+at .*\.ts:\d+|this is a bug/)
}

const servers = () => lab.nodes.filter(({ role }) => role === 'server').map((node) => node.name)
/** How long something stays wrong; nothing is waited for by it. */
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test('a plan file that was edited by one byte', async () => {
  const text = readFileSync(planFile, 'utf8')
  const edited = join(lab.stateDir, 'edited.json')
  writeFileSync(edited, text.replace('flannel-backend: none', 'flannel-backend: nonE'), { mode: 0o600 })
  expect(readFileSync(edited, 'utf8')).not.toBe(text)
  await expectEnd(migrate(lab, ['run', edited, '--yes']), [2], /edited\.json.*changed/s)
})

test('a host key that changed between plan and run', async () => {
  const file = join(lab.stateDir, 'known_hosts')
  const known = readFileSync(file, 'utf8')
  // Two nodes have each other's keys, of every kind.
  const [one = '', other = ''] = new Set(known.split('\n').map((line) => line.split(' ')[0] ?? ''))
  const swapped = (host: string) => (host === one ? other : host === other ? one : host)
  writeFileSync(file, known.replaceAll(/^\S+/gm, swapped))
  await expectEnd(migrate(lab, ['run', planFile, '--yes']), [1, 2, 3], /host key/i)
  writeFileSync(file, known)
  await expectState(lab, ends.before)
})

test('an etcd member that is down before the start', async () => {
  await onNode(lab, 's1', 'systemctl stop k3s')
  await expectEnd(migrate(lab, ['run', planFile, '--yes']), [3], /s1/)
  await onNode(lab, 's1', 'systemctl start k3s')
  await everyNodeReady(lab, 's3')
})

test('a snapshot that fails and exits 0', async () => {
  breakNode(name, 's3', { name: 'snapshot-fails', value: '' })
  await expectEnd(migrate(lab, ['run', planFile, '--yes']), [1], /snapshot.*next: /s)
  mendNode(name, 's3', 'snapshot-fails')
})

/** In the order in which a run comes by: what happens when a step has just begun, and what mends it afterwards. */
interface Fault {
  what: string
  stepId: string
  happens(): Promise<unknown>
  mend?(): Promise<unknown>
}

const filler = () => join(stateDir(), 'filler')
const offAndOn = (what: string, node: string, stepId: string): Fault => ({
  what: `${node} loses its power ${what}, and comes back`,
  stepId,
  happens: async () => {
    await power(name, node, 'off')
    await pause(10_000)
    await power(name, node, 'on')
  },
})
const sshCut: Fault = {
  what: 'ssh is cut in the middle of commands that go on',
  stepId: 'flags',
  happens: () => Promise.all(servers().map((one) => onNode(lab, one, "pkill -KILL -f '^sshd: root' || :"))),
}
const signal = (what: string) =>
  Promise.all(servers().map((server) => onNode(lab, server, `systemctl kill -s ${what} --kill-who=main k3s`)))

const forward: Fault[] = [
  {
    what: "the operator's disk is full",
    stepId: 'images',
    happens: () => must(['sh', '-c', 'dd if=/dev/zero of="$1" bs=64k 2>/dev/null; sync', 'sh', filler()]),
    mend: async () => rmSync(filler(), { force: true }),
  },
  {
    what: 'the API is gone for a minute',
    stepId: 'cilium-beside',
    happens: async () => {
      await signal('STOP')
      await pause(60_000)
      await signal('CONT')
    },
  },
  {
    what: 'an etcd member dies',
    stepId: 'cni-portmap',
    happens: () => onNode(lab, 's2', 'systemctl kill -s KILL --kill-who=main k3s'),
  },
  {
    what: "a node's disk is full",
    stepId: 'cni-seed',
    happens: () =>
      onNode(
        lab,
        'a1',
        'mount -t tmpfs -o size=4k full /etc/cni/net.d; dd if=/dev/zero of=/etc/cni/net.d/full bs=1k || :',
      ),
    mend: () => onNode(lab, 'a1', 'umount /etc/cni/net.d'),
  },
  offAndOn('while servers are stopped', 's1', 'stop-servers'),
  sshCut,
  {
    what: 'K3s does not start because of a flag',
    stepId: 'start-servers',
    happens: () =>
      onNode(
        lab,
        's2',
        'echo "no-such-flag: true" >/etc/rancher/k3s/config.yaml.d/99-bad.yaml; systemctl restart --no-block k3s',
      ),
    mend: () => onNode(lab, 's2', 'rm /etc/rancher/k3s/config.yaml.d/99-bad.yaml'),
  },
  offAndOn('while agents are started', 's3', 'start-agents'),
  offAndOn('while rules are removed', 's2', 'kube-router-rules'),
  {
    what: 'sshd is restarted on every node',
    stepId: 'pods',
    happens: () => Promise.all(lab.nodes.map((node) => onNode(lab, node.name, 'systemctl restart ssh'))),
  },
  offAndOn('while links and files are removed', 'a1', 'flannel-files'),
  offAndOn('while policies are switched on', 's1', 'policies-on'),
]
const back: Fault[] = [
  // In the order of the way back: pods go back once K3s runs with flannel again.
  offAndOn('while Cilium goes back a stage', 's2', 'policies-on'),
  sshCut,
  offAndOn('while the pods go back', 's1', 'pods-way-back'),
  offAndOn('while Cilium is uninstalled', 's3', 'cilium-beside'),
]

const survive =
  (...command: string[]) =>
  async ({ stepId, happens, mend }: Fault) => {
    const ending = migrateWhile(lab, command, stepId, happens)
    await expectEnd(ending, [killed, 1, 3, 4], /./)
    await mend?.()
    await machinesUp()
    await apiBack()
  }
/** Every machine is up and answers; K3s need not run. */
const machinesUp = () =>
  Promise.all(
    lab.nodes.map(({ name: node }) =>
      until({ waitingFor: () => `sshd on ${node}`, timeoutMs: 60_000, everyMs: 500 }, async () =>
        (await lab.exec(node, ['systemctl', 'is-active', '--quiet', 'ssh'])).code === 0 ? true : undefined,
      ),
    ),
  )

/** Where servers enough for a quorum are started or starting, the API answers again: an operator would wait for it as well. */
async function apiBack(): Promise<void> {
  const states = await Promise.all(
    servers().map(async (server) => (await onNode(lab, server, 'systemctl is-active k3s || :')).trim()),
  )
  const running = servers().filter((_server, index) => states[index] === 'active' || states[index] === 'activating')
  if (running.length <= servers().length / 2) return
  await until({ waitingFor: () => 'the API to answer', timeoutMs: 180_000, everyMs: 500 }, async () => {
    const ready = (server: string) => lab.exec(server, ['k3s', 'kubectl', 'get', '--raw', '/readyz'])
    const answers = await Promise.all(running.map(ready))
    return answers.some(({ code }) => code === 0) ? true : undefined
  })
}

test.each(forward)('$stepId: $what', survive('resume', '--yes'))

test('a second operator, on a machine of their own, while the run stands half-way', async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'elsewhere-'))
  try {
    // With a plan from before: to plan now, they would be stopped by what stands half-way, before any lock.
    await expectEnd(migrate(lab, ['run', planFile, '--yes', '--state-dir', elsewhere]), [3], /locked by/)
  } finally {
    rmSync(elsewhere, { recursive: true })
  }
})

test('the journal is cut anywhere in its last records', async () => {
  const journal = journalFile(lab) ?? ''
  const whole = readFileSync(journal)
  const lines = whole.toString('utf8').trimEnd().split('\n')
  const last = Buffer.byteLength(`${lines.slice(-2).join('\n')}\n`)
  const copy = mkdtempSync(join(tmpdir(), 'cut-'))
  try {
    cpSync(stateDir(), copy, { recursive: true })
    const there = journal.replace(stateDir(), copy)
    // Few of them: each is a process that is started, and the unit tests have them all.
    for (let length = whole.length - last; length < whole.length; length += Math.ceil(last / 40)) {
      writeFileSync(there, whole.subarray(0, length))
      const { code, stdout, stderr } = await migrate(lab, ['status', '--state-dir', copy])
      expect(code, `cut at ${length}: ${stderr}`).toBe(0)
      expect(stdout).toContain('migrate resume')
    }
  } finally {
    rmSync(copy, { recursive: true })
  }
  truncateSync(journal, whole.length - Math.floor(last / 4))
})

test('after all of it, the same end as without', async () => {
  await mustMigrate(lab, 'resume', '--yes')
  // Every node was switched off, which took what was planted in its memory, and a folder that flannel's file was in.
  await plantAgain(lab)
  await Promise.all(lab.nodes.map((node) => onNode(lab, node.name, 'mkdir -p /run/flannel')))
  await expectState(lab, ends.after)
})

test.each(back)('back, $stepId: $what', survive('rollback', '--yes'))

test('and the same beginning', async () => {
  await mustMigrate(lab, 'rollback', '--yes')
  await plant(lab)
  await expectState(lab, ends.before)
})

test('a server that never comes back: nothing is done without it, and a new plan without it comes to the end', async () => {
  await migrateUntil(lab, 'step.afterCheckpoint:servers-settled', 'run', '--yes')
  await power(name, 's1', 'off')
  await expectEnd(
    migrate(lab, ['resume', '--yes']),
    [1],
    /lock on node s1 could not be asked for.*nothing was changed/s,
  )
  await expectEnd(migrate(lab, ['rollback', '--yes']), [1], /lock on node s1 could not be asked for/)

  await onNode(lab, 's2', 'k3s kubectl delete node s1')
  const fewer = join(lab.stateDir, 'fewer.yaml')
  const inventory = z
    .looseObject({ nodes: z.array(z.looseObject({ name: z.string() })) })
    .parse(parse(readFileSync(lab.inventoryFile, 'utf8')))
  writeFileSync(fewer, stringify({ ...inventory, nodes: inventory.nodes.filter((node) => node.name !== 's1') }))
  // The run had stopped K3s on the agent.
  const stopped = await migrate(lab, ['preflight', '-i', fewer])
  expect(stopped.code, stopped.stderr).toBe(3)
  expect(stopped.stdout).toMatch(/start it on a1: systemctl start --no-block k3s-agent/)
  await onNode(lab, 'a1', 'systemctl start --no-block k3s-agent')
  await until({ waitingFor: () => 'nothing to stand in the way', timeoutMs: 180_000, everyMs: 1_000 }, async () =>
    (await migrate(lab, ['preflight', '-i', fewer])).code === 0 ? true : undefined,
  )
  const { code, stderr } = await migrate(lab, ['run', '--yes', '-i', fewer])
  expect(code, stderr).toBe(3)
  const [, nonce = ''] = /--break-lock (\S+)/.exec(stderr) ?? []
  const ended = await migrate(lab, ['run', '--yes', '-i', fewer, '--break-lock', nonce])
  expect(ended.code, ended.stdout.slice(-2_000) + ended.stderr).toBe(0)
  expect(await mustMigrate(lab, 'plan', '-i', fewer)).toMatch(/Nothing to do/)
})
