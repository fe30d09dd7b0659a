import { expect, test } from 'vitest'
import type { Facts } from '../../src/facts/facts.ts'
import { stuckSandboxesStopped } from '../../src/operations/stuck-sandboxes-stopped.ts'
import { aPod, StuckApi } from '../facts/stuck-api.ts'
import { stuckFacts, stuckWorld } from './stuck-world.ts'

const creating = { phase: 'Pending', containerStatuses: [{ state: { waiting: { reason: 'ContainerCreating' } } }] }

async function hanging(): Promise<Facts> {
  const facts = await stuckFacts(new StuckApi([aPod('web', {}, creating)]))
  const [sandbox] = facts.nodes.s1?.sandboxes ?? []
  if (!sandbox) throw new Error('fixture')
  facts.nodes.s1?.sandboxes?.push({ ...sandbox, id: 'old', uid: 'u-web', name: 'web' })
  return facts
}

test('the sandbox of a pod that does not begin is stopped; the pod stays', async () => {
  const facts = await hanging()
  const change = stuckSandboxesStopped.diff(facts, 's1', undefined)
  if (!change) throw new Error('no change')
  expect(stuckSandboxesStopped.render(change).notes).toEqual([
    expect.stringMatching(/^shop\/web .*ContainerCreating since .*; on s1: no container, sandbox ready/),
  ])
  expect(stuckSandboxesStopped.diff(facts, 's2', undefined)).toBeNull()
  const predicted = stuckSandboxesStopped.predict(facts, 's1', change)
  expect(stuckSandboxesStopped.diff(predicted, 's1', undefined)).toBeNull()
  expect(predicted.nodes.s1?.sandboxes?.map(({ id }) => id)).toEqual(['0a', '0b'])

  const { world, task } = stuckWorld(new StuckApi([]), async () => facts)
  const sent: unknown[] = []
  Object.assign(world, {
    nodes: {
      get: (name: string) => ({
        name,
        run: async (command: { argv: string[] }) => {
          sent.push(command.argv)
          return { kind: 'exited', code: 0, stdout: '', stderr: '', durationMs: 1 }
        },
      }),
    },
  })
  await stuckSandboxesStopped.apply(world, 's1', change, task)
  expect(sent).toEqual([['k3s', 'crictl', 'stopp', 'old']])
  await expect(stuckSandboxesStopped.verify(world, 's1', change, task)).rejects.toThrow('still there: shop/web')
  const stopped = stuckWorld(new StuckApi([]), async () => predicted)
  await stuckSandboxesStopped.verify(stopped.world, 's1', change, task)
})
