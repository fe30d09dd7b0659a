import { defineConfig } from 'vitest/config'

/** Tests that start programs, servers, units or namespaces of this machine: not for every save of a file. */
const machine = [
  'test/cli/main.test.ts',
  'test/facts/{collect,mask}.test.ts',
  'test/netfilter/kernel.test.ts',
  'test/nodes/*.test.ts',
  'test/probes/{outage-probe,probe-script}.test.ts',
]

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/lab/**', ...machine],
          testTimeout: 30_000,
        },
      },
      { test: { name: 'machine', include: machine, testTimeout: 60_000 } },
      {
        // Real nodes: one machine, so one file at a time.
        test: {
          name: 'lab',
          include: ['test/lab/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
          bail: 1,
        },
      },
    ],
  },
})
