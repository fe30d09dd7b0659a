import { defineConfig } from 'vitest/config'

/** Tests that start programs, servers, units or namespaces of this machine, and hostile input: not for every save of a file. */
const machine = [
  'test/{cli/{main,plan},engine/fault-point}.test.ts',
  'test/facts/{collect,mask}.test.ts',
  'test/hostile/*.test.ts',
  'test/kube/client.test.ts',
  'test/netfilter/kernel.test.ts',
  'test/nodes/*.test.ts',
  'test/operations/{cilium-helm,cilium-leftovers-script,network-guard-program}.test.ts',
  'test/probes/{answering-ports,gather,node-paths-script,outage-probe,pod-network,probe-script,reject-sampler-script,watch-connections}.test.ts',
  'test/report/html/browser.test.ts',
]

/** The guards; whole migrations, and changes of routing, killed and rolled back at many points: an hour, `npm run drill`. */
const drill = [
  'test/lab/{cilium-crashloop-recovery,cilium-to-flannel,guard,guard-machine,migration,migration-legacy,migration-live,routing-mode-change}.test.ts',
]

/** Killed at every fault point of every step, and everything else going wrong once: an hour and a half, `npm run drill:kills`. */
const drillKills = ['test/lab/{fault-points,moved-clock,single-faults}.test.ts']

/** A lab for every cause, each told five times, and what is told after a move: an hour and a half, `npm run drill:evidence`. */
const drillEvidence = ['test/lab/{diagnose,home,scenarios,verify}.test.ts']

/** Simulated runs with faults, of the engine as it is and with faults planted into it: minutes. The engine's own runs, killed everywhere. */
const simulator = ['test/simulator/*.test.ts', 'test/engine/{crash,model}.test.ts']

/** Real nodes: one machine, so one file at a time. */
const realNodes = { testTimeout: 900_000, hookTimeout: 600_000, fileParallelism: false, bail: 1 }

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/lab/**', ...machine, ...simulator],
          testTimeout: 30_000,
          // Pure logic shares nothing that a fresh process would clean: one process for all of it halves the time.
          isolate: false,
        },
      },
      { test: { name: 'simulator', include: simulator, testTimeout: 600_000 } },
      { test: { name: 'machine', include: machine, testTimeout: 60_000, globalSetup: 'test/machine-setup.ts' } },
      {
        test: {
          ...realNodes,
          name: 'lab',
          globalSetup: 'test/machine-setup.ts',
          include: ['test/lab/**/*.test.ts'],
          exclude: [...drill, ...drillKills, ...drillEvidence],
        },
      },
      { test: { ...realNodes, name: 'drill', include: drill } },
      {
        test: {
          ...realNodes,
          testTimeout: 5_400_000,
          hookTimeout: 1_800_000,
          name: 'drill:kills',
          include: drillKills,
        },
      },
      { test: { ...realNodes, name: 'drill:evidence', include: drillEvidence } },
    ],
  },
})
