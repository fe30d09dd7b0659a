#!/usr/bin/env node
/** The K3s stand-in's program: what /usr/local/bin/k3s and its links kubectl, crictl and ctr run on a practice node. */

const calledAs = process.env.STANDIN_ARGV0 ?? 'k3s'
const argv = process.argv.slice(2)
const [command = 'help', ...rest] = calledAs === 'k3s' ? argv : [calledAs, ...argv]

/** Each loads only what it needs, so that the small commands start fast. The result is the exit code. */
const commands: Record<string, (argv: string[]) => Promise<number | undefined>> = {
  server: async (args) => (await import('./server.ts')).runServer(args).then(() => undefined),
  agent: async (args) => (await import('./agent.ts')).runAgent(args).then(() => undefined),
  'etcd-snapshot': async (args) => (await import('./snapshot.ts')).etcdSnapshot(args),
  kubectl: async (args) => (await import('./kubectl/kubectl.ts')).kubectl(args),
  crictl: async (args) => (await import('./node/crictl.ts')).crictl(args),
  ctr: async (args) => (await import('./node/ctr.ts')).ctr(args),
  'check-config': async () => {
    process.stdout.write('\nSTATUS: pass\n')
    return 0
  },
}

const run = commands[command]
if (!run) {
  process.stderr.write(`No help topic for '${command}'\n`)
  process.exitCode = 3
} else {
  const code = await run(rest).catch(async (error: unknown) => {
    const { fatal } = await import('./log.ts')
    return fatal(error instanceof Error ? (error.stack ?? error.message) : String(error))
  })
  if (code !== undefined) process.exitCode = code
}
