import { $ } from 'zx'
import type { TaskContext } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import { withKubeconfig } from '../kube/forward.ts'
import { displayWords } from '../nodes/quote.ts'
import type { ChartInstaller, ChartRelease } from './chart-installer.ts'
import type { World } from './world.ts'

const name = 'cilium'
const namespace = 'kube-system'
const secret = { apiVersion: 'v1', kind: 'Secret' }

/** What the operator's settings may not change: which cluster, as whom, and where releases are kept. */
function environment(kubeconfig: string): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([key]) => !/^HELM_(KUBE|NAMESPACE|DRIVER)/.test(key))
  return { ...Object.fromEntries(kept), KUBECONFIG: kubeconfig }
}

/** By the operator's own `helm`, which reaches the API through a port of this machine's loopback. */
export function helm(world: World): ChartInstaller {
  const { inventory, kube, nodes } = world
  const servers = inventory.nodes.filter(({ role }) => role === 'server').map((server) => nodes.get(server.name))
  const run = (args: readonly string[], input: string, task: TaskContext) =>
    withKubeconfig(servers, async (kubeconfig) => {
      const { exitCode, stderr } = await $({
        // Bytes: zx leaves stdin open for a text that is empty.
        input: Buffer.from(input),
        env: environment(kubeconfig),
        signal: task.signal,
        nothrow: true,
        quiet: true,
        // A Ctrl-C at the terminal is for us to answer: the task in hand is finished.
        detached: true,
      })`helm ${args}`
      if (exitCode === 0) return
      task.signal.throwIfAborted()
      throw new FailedError(`helm ended with ${exitCode ?? 'a signal'}: ${stderr.trim()}`, {
        command: displayWords(['helm', ...args]),
      })
    })

  async function apply({ chart, version, values }: ChartRelease, task: TaskContext): Promise<void> {
    await forgetPending()
    const source = 'repo' in chart ? [name, '--repo', chart.repo, '--version', version] : [chart.path]
    const args = ['upgrade', '--install', name, ...source, '--namespace', namespace, '--values', '-', '--wait=false']
    await run(args, values, task)
  }

  return {
    apply,
    setValues: apply,
    async remove(task) {
      await run(['uninstall', name, '--namespace', namespace, '--ignore-not-found', '--wait=false'], '', task)
    },
  }

  /**
   * A helm that was killed leaves a release that is `pending` for ever, and every later one refuses. Nobody else installs
   * while this run holds the lock, so such a record is a dead one.
   */
  async function forgetPending(): Promise<void> {
    const pending = ['pending-install', 'pending-upgrade', 'pending-rollback'].join(',')
    const labelSelector = `owner=helm,name=${name},status in (${pending})`
    for (const { metadata } of await kube.list(secret, { namespace, labelSelector }))
      await kube.delete(secret, metadata.name, namespace)
  }
}
