import { expect, test } from 'vitest'
import { stuckPods } from '../../runbooks/stuck-pods.ts'
import { isInTheWay } from '../../src/engine/model.ts'
import { plan } from '../../src/engine/planner.ts'
import type { Facts } from '../../src/facts/facts.ts'
import { planText } from '../../src/report/plan-text.ts'
import { aNamespace, anObject, aPod, StuckApi, terminating } from '../facts/stuck-api.ts'
import { someInventory } from '../operations/some-facts.ts'
import { stuckFacts } from '../operations/stuck-world.ts'

const meta = { id: 'p', createdAt: '2026-11-21T10:00:00Z', toolVersion: '0', cluster: 'lab', inventoryDigest: 'd' }
const planned = (facts: Facts) => plan(stuckPods(someInventory), {}, facts, meta)
const deletionTimestamp = '2026-11-21T09:00:00Z'

const incident = () =>
  new StuckApi([
    aPod('going', { ...terminating, finalizers: ['a.example/b'] }, {}, 's2'),
    aPod('evicted', {}, { phase: 'Failed', reason: 'Evicted' }),
    aPod('bare', { ownerReferences: [] }, { phase: 'Unknown' }),
    aPod('there', terminating, {}, 'off'),
    aNamespace('old', { deletionTimestamp }),
    anObject('Widget', 'old', 'held', { deletionTimestamp, finalizers: ['a.example/b'] }),
  ])

test('each step frees what the ones before it cannot, may be skipped, and says whether there is a way back', async () => {
  const { steps, findings } = planned(await stuckFacts(incident()))
  expect(findings.filter(isInTheWay)).toEqual([])
  const changes = steps.filter(({ kind }) => kind === 'change')
  expect(changes.map(({ stepId, tasks }) => [stepId, tasks.map(({ target }) => target).join(' ')])).toEqual([
    ['stuck-sandboxes', ''],
    ['stuck-pods', 's1 s2'],
    ['stuck-bare-pods', 's1'],
    ['stuck-finalizers', 'cluster'],
    ['stuck-namespaces', 'cluster'],
  ])
  for (const { skippable } of changes) expect(skippable).toBeDefined()
  const wayBack = changes.map(({ undo }) => Object.keys(undo ?? {})[0])
  expect(wayBack).toEqual(['notNeeded', 'impossible', 'impossible', 'impossible', 'impossible'])
  // The finalizer of the pod that is deleted two steps before, and of what remains in the namespace.
  const finalizers = changes.find(({ stepId }) => stepId === 'stuck-finalizers')
  expect(finalizers?.tasks[0]?.rendering.notes).toEqual([
    'Pod shop/going (v1): a.example/b',
    'Widget old/held (shop.example/v1): a.example/b',
  ])
})

test('a node that is not in the inventory stands in nobody’s way: its pods are told, and left', async () => {
  const facts = await stuckFacts(incident())
  const [node] = facts.kube.nodes
  if (!node) throw new Error('fixture')
  facts.kube.nodes.push({ ...node, name: 'off', ready: false })
  const { findings } = planned(facts)
  expect(findings.filter(isInTheWay)).toEqual([])
  const warnings = findings.filter(({ level }) => level === 'warns').map(({ detail }) => detail)
  expect(warnings).toEqual([
    expect.stringMatching(/off .* is a node of the cluster and not in/),
    expect.stringMatching(/^not touched: shop\/there /),
  ])
})

test('what the API says does not drive the terminal', async () => {
  const api = incident()
  api.objects.push(
    anObject(
      'Event',
      'shop',
      'e',
      {},
      { involvedObject: { uid: 'u-evicted' }, reason: 'x', message: 'a\u001b[2Jb\nc' },
    ),
  )
  const text = planText(planned(await stuckFacts(api)), { colour: false, width: 120, maxDiffLines: 10 })
  expect(text).toContain('a\\x1b[2Jb\\nc')
  expect(text).not.toContain('\u001b')
})

test('nothing hangs: nothing to do. The API is away: that is not nothing', async () => {
  const fine = await stuckFacts(new StuckApi([]))
  expect(planned(fine).steps).toEqual([])
  fine.kube.reachable = false
  expect(planned(fine).findings.filter(isInTheWay)).not.toEqual([])
})

test('only what cannot be freed hangs: it is told all the same', async () => {
  const { steps, findings } = planned(await stuckFacts(new StuckApi([aPod('there', terminating, {}, 'off')])))
  expect(steps.flatMap(({ tasks }) => tasks)).toEqual([])
  expect(findings.some(({ detail }) => detail.startsWith('not touched: shop/there'))).toBe(true)
})
