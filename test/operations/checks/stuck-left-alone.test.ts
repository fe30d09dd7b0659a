import { expect, test } from 'vitest'
import { stuckLeftAlone } from '../../../src/operations/checks/stuck-left-alone.ts'
import { aNamespace, anObject, aPod, StuckApi, terminating } from '../../facts/stuck-api.ts'
import { someFacts } from '../some-facts.ts'
import { stuckFacts } from '../stuck-world.ts'

const deletionTimestamp = '2026-11-21T09:00:00Z'
const found = async (api: StuckApi) => stuckLeftAlone(await stuckFacts(api))

test('what steps free is not told; a pod of a node that is silent is, and stays', async () => {
  const findings = await found(new StuckApi([aPod('going', terminating), aPod('there', terminating, {}, 'off')]))
  expect(findings).toHaveLength(1)
  expect(findings[0]).toMatchObject({
    level: 'warns',
    target: 'off',
    detail: expect.stringMatching(/^not touched: shop\/there .*off is not in the inventory, so it is not asked$/),
  })
})

test('a namespace that an APIService without an answer holds: which one, and what to do', async () => {
  const api = new StuckApi([
    aNamespace('old', { deletionTimestamp }, [
      { type: 'NamespaceDeletionDiscoveryFailure', status: 'True', reason: 'DiscoveryFailed', message: 'metrics' },
    ]),
  ])
  api.raw.set('/apis/shop.example/v1', { status: 503, body: '' })
  const facts = await stuckFacts(api)
  facts.stuck?.silentApis.push({ name: 'v1.shop.example', message: 'no endpoints' })
  expect(stuckLeftAlone(facts)).toEqual([
    {
      level: 'warns',
      title: 'what hangs can be freed',
      detail:
        'namespace old: what remains in it is not known: shop.example/v1: HTTP 503; NamespaceDeletionDiscoveryFailure: metrics',
      fix: expect.stringMatching(
        /^APIServices without an answer: v1.shop.example \(no endpoints\)\..*kubectl delete apiservice NAME/,
      ),
    },
  ])
})

test('what Kubernetes itself holds is told by its finalizer', async () => {
  const finalizers = ['kubernetes.io/pvc-protection']
  const findings = await found(
    new StuckApi([
      aNamespace('old', { deletionTimestamp }),
      anObject('Widget', 'old', 'disk', { deletionTimestamp, finalizers }),
      anObject('Widget', 'old', 'freed', { deletionTimestamp, finalizers: ['a.example/b'] }),
    ]),
  )
  expect(findings.map(({ detail }) => detail)).toEqual([
    'namespace old: not touched: Widget old/disk (kubernetes.io/pvc-protection)',
  ])
})

test('nothing hangs: fine; what was not read, or could not be: never fine', async () => {
  expect(await found(new StuckApi([]))).toMatchObject([{ level: 'fine' }])
  expect(stuckLeftAlone(someFacts())).toMatchObject([{ level: 'unknown' }])
  const facts = await stuckFacts(new StuckApi([]))
  Object.assign(facts.stuck ?? {}, { error: 'no server' })
  expect(stuckLeftAlone(facts)).toMatchObject([{ level: 'blocks', detail: 'no server' }])
})
