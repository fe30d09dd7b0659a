import { parse, stringify } from 'yaml'
import type { JournalStore } from '../../src/engine/journal.ts'
import type { BoundOperation, Json, Step } from '../../src/engine/model.ts'
import type { RunContext } from '../../src/engine/run-context.ts'
import type { Facts } from '../../src/facts/facts.ts'
import type { KubeObject } from '../../src/kube/api.ts'
import type { World } from '../../src/operations/world.ts'
import type { Alter } from '../../src/simulator/play.ts'

type Context = RunContext<Facts, World>
type Operation = BoundOperation<Facts, World>

function withSteps(context: Context, change: (step: Step<Facts, World>) => Step<Facts, World>): Context {
  const { runbook } = context
  return {
    ...context,
    runbook: {
      ...runbook,
      phases: (params, facts) =>
        runbook.phases(params, facts).map((phase) => ({ ...phase, steps: phase.steps.map(change) })),
    },
  }
}

/** The same context with the operations of that name changed. */
const withOperation = (context: Context, name: string, change: (operation: Operation) => Operation): Context =>
  withSteps(context, (step) =>
    step.kind === 'change' && (name === '*' || step.operation.name === name)
      ? { ...step, operation: change(step.operation) }
      : step,
  )

const withoutApply = (operation: Operation): Operation => ({
  ...operation,
  apply: async () => {},
  verify: async () => {},
})
const withoutUndo = (operation: Operation): Operation => ({
  ...operation,
  undo: { how: 'nothing', run: async () => {} },
})

const withJournal = (context: Context, append: (inner: JournalStore) => JournalStore['append']): Context => ({
  ...context,
  journal: { ...context.journal, append: append(context.journal) },
})

function withoutNodeSelector(object: KubeObject): KubeObject {
  if (object.kind !== 'HelmChart') return object
  const spec = object.spec as { valuesContent: string }
  const { nodeSelector: _, ...values } = parse(spec.valuesContent) as Record<string, unknown>
  return { ...object, spec: { ...spec, valuesContent: stringify(values) } }
}

/** Faults planted into the engine or what it is made of. Each is to be caught by the seeds that CI runs. */
export const mutants: Readonly<Record<string, Alter>> = {
  'the journal is never fsynced': (context, { disk }) =>
    withJournal(context, () => async (line) => {
      disk.journal.lines.push(Buffer.from(line).toString('utf8'))
    }),

  'an intent is written when its task is over': (context) =>
    withJournal(context, ({ append }) => {
      let late: Uint8Array | null = null
      return async (line) => {
        const { kind } = JSON.parse(Buffer.from(line).toString('utf8')) as { kind: string }
        if (late !== null) await append(late)
        late = kind === 'intent' ? line : null
        if (late === null) await append(line)
      }
    }),

  'a lock is always free': (context) => ({
    ...context,
    locks: {
      ...context.locks,
      places: context.locks.places.map((place) => ({ ...place, acquire: async () => 'taken' as const })),
    },
  }),

  'no snapshot is taken': (context) => withOperation(context, 'etcd.snapshot', withoutApply),

  'nothing is backed up': (context) => withOperation(context, 'backup.taken', withoutApply),

  'servers are stopped all at once': (context) =>
    withSteps(context, (step) => (step.id === 'stop-servers' ? { ...step, order: 'parallel' as const } : step)),

  'Cilium is kept to no node': (context) => ({
    ...context,
    world: {
      ...context.world,
      kube: {
        ...context.world.kube,
        create: (object) => context.world.kube.create(withoutNodeSelector(object)),
      },
    },
  }),

  'a server is restarted where no outage is announced': (context) =>
    withOperation(context, 'cni.seeded', (operation) => ({
      ...operation,
      async apply(world, target, change, task) {
        await operation.apply(world, target, change, task)
        if (!target.startsWith('s')) return
        const stop = { argv: ['systemctl', 'stop', 'k3s'] as const, mode: 'write' as const, timeoutMs: 60_000 }
        await world.nodes.get(target).run(stop)
        const start = { ...stop, argv: ['systemctl', 'start', '--no-block', 'k3s'] as const }
        await world.nodes.get(target).run(start)
      },
    })),

  'a rule of somebody else goes with those of kube-router': (context) =>
    withOperation(context, 'netfilter.purged', (operation) => ({
      ...operation,
      diff(facts, target) {
        const change = operation.diff(facts, target) as { rulesets: Record<string, Record<string, Json>> } | null
        const filter = change?.rulesets['ip-nft']?.filter as { chains: string[]; rules: string[] } | undefined
        filter?.rules.push('-A INPUT -s 192.0.2.7/32 -j DROP')
        return change as Json | null
      },
    })),

  'flags are not put back': (context) => withOperation(context, 'k3s.flags', withoutUndo),

  'what was suspended stays so on the way back': (context) => withOperation(context, 'kube.quiet', withoutUndo),

  'nothing is verified': (context) => withOperation(context, '*', (one) => ({ ...one, verify: async () => {} })),

  'no guard is armed': (context) => ({
    ...context,
    world: {
      ...context.world,
      guards: {
        arm: async () => 'armed',
        renew: async () => undefined,
        disarm: async () => undefined,
        look: async () => ({ kind: 'none' }),
        forget: async () => undefined,
        release: async () => undefined,
      },
    },
  }),

  "a guard's time runs for ten minutes": (context) => ({
    ...context,
    world: {
      ...context.world,
      guards: {
        ...context.world.guards,
        arm: (node, run, scope) => context.world.guards.arm(node, run, scope, 600_000),
      },
    },
  }),

  'a guard that fired is forgotten, and the agent it holds down is not let go': (context) => ({
    ...context,
    world: { ...context.world, guards: { ...context.world.guards, release: async () => undefined } },
  }),

  'the token stands in an argument': (context) =>
    withOperation(context, 'k3s.stopped', (operation) => ({
      ...operation,
      async apply(world, target, change, task) {
        const token = await world.backups.get('s3', 'snapshot/token')
        const argv = ['mkdir', '-p', `/tmp/${Buffer.from(token ?? '').toString('utf8')}`] as const
        await world.nodes.get(target).run({ argv, mode: 'write', timeoutMs: 1_000 })
        await operation.apply(world, target, change, task)
      },
    })),
}
