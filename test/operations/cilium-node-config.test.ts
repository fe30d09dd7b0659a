import { expect, test } from 'vitest'
import { FailedError } from '../../src/errors.ts'
import type { KubeObject } from '../../src/kube/api.ts'
import { ciliumNodeConfig } from '../../src/operations/cilium-node-config.ts'
import { noting } from './fake-guards.ts'
import { NodesApi } from './nodes-api.ts'

/** An API that gets to know the kind only at the third try, as Cilium's operator makes it. */
function anApi() {
  const nodes = new NodesApi()
  const objects: KubeObject[] = []
  let calls = 0
  const kube = {
    get: async () => {
      if (++calls < 3) throw new FailedError('no kind CiliumNodeConfig')
      return objects[0] ?? null
    },
    create: async (object: KubeObject) => void objects.push(object),
    delete: async () => void objects.pop(),
  }
  return { objects, world: Object.assign(nodes.world, { kube }), facts: nodes.facts }
}

test('made when its kind is there, once, with the plugin for host ports where it is needed; and gone again', async () => {
  const { world, objects, facts } = anApi()
  const said: string[] = []
  const task = { ...noting(new Map()), say: (line: string) => void said.push(line) }
  const change = ciliumNodeConfig.diff(facts, 'cluster', { there: true, portmap: true })
  if (change === null) throw new Error('nothing to do')
  await ciliumNodeConfig.apply(world, 'cluster', change, task)
  expect(said.length).toBe(2)
  await ciliumNodeConfig.apply(world, 'cluster', change, task)
  await ciliumNodeConfig.verify(world, 'cluster', change, task)
  expect(objects).toMatchObject([
    {
      apiVersion: 'cilium.io/v2',
      metadata: { namespace: 'kube-system' },
      spec: { defaults: { 'cni-chaining-mode': 'portmap', 'custom-cni-conf': 'false', 'cni-exclusive': 'true' } },
    },
  ])
  if ('run' in ciliumNodeConfig.undo) await ciliumNodeConfig.undo.run(world, 'cluster', change, task)
  expect(objects).toEqual([])
  await expect(ciliumNodeConfig.verify(world, 'cluster', change, task)).rejects.toThrow(/not there/)
})
