import { describe, expect, test } from 'vitest'
import type { Facts } from '../../src/facts/facts.ts'
import type { StuckPod } from '../../src/facts/stuck.ts'
import { describePod, isServed, stuckPods, wayOf, whyStuck } from '../../src/operations/stuck.ts'
import { someFacts } from './some-facts.ts'

const nowMs = Date.parse(someFacts().readAt)
const ago = (seconds: number) => nowMs - seconds * 1000

const pod = (over: Partial<StuckPod>): StuckPod => ({
  ...{ namespace: 'shop', name: 'web-0', uid: 'u', node: 's1', phase: 'Running', reason: null, message: null },
  ...{ dueMs: null, graceSeconds: null, sinceMs: ago(3600), begun: true, waiting: null, conditions: [] },
  ...{ owner: 'ReplicaSet/web-5d9', isStatic: false, finalizers: [], lastEvent: null },
  ...over,
})
const creating = { phase: 'Pending', begun: false, waiting: 'ContainerCreating' }
const terminating = { dueMs: ago(3600), graceSeconds: 30 }

/** Nothing runs on s1 but what is said. */
function facts(containers: string[] = [], sandboxes: { uid: string; ready: boolean }[] = []): Facts {
  const facts = someFacts()
  const [s1] = Object.values(facts.nodes)
  if (!s1) throw new Error('fixture')
  s1.containers = containers.map((podUid) => ({ podUid, name: 'main' }))
  s1.sandboxes = sandboxes.map(({ uid, ready }, index) => ({
    ...{ id: `id-${index}`, namespace: 'shop', name: 'web-0', uid, ready, createdMs: 1, netns: '', ip: null },
  }))
  return facts
}

describe('why a pod hangs', () => {
  test.each<[string, Partial<StuckPod>, string | null]>([
    ['long past its grace period', terminating, 'Terminating: it should have been gone at 2026-11-21T09:00:00Z'],
    ['within it', { dueMs: nowMs + 20_000 }, null],
    ['just past it', { dueMs: ago(30) }, null],
    ['Unknown', { phase: 'Unknown', message: 'who knows' }, 'Unknown: who knows'],
    ['lost with its node', { reason: 'NodeLost' }, 'Unknown: NodeLost'],
    ['evicted', { phase: 'Failed', reason: 'Evicted', message: 'disk' }, 'Failed: Evicted: disk'],
    ['failed, of a controller that would have started it again', { phase: 'Failed' }, 'Failed: nobody says why'],
    ['failed by itself, and nobody owns it', { phase: 'Failed', owner: null }, null],
    ['bare, and ended by its node', { phase: 'Failed', owner: null, reason: 'NodeShutdown' }, 'Failed: NodeShutdown'],
    ['not begun', creating, 'ContainerCreating since 2026-11-21T09:00:00Z'],
    ['not begun yet', { ...creating, sinceMs: ago(60) }, null],
    [
      'not even looked at by its kubelet',
      { ...creating, waiting: null },
      'ContainerCreating since 2026-11-21T09:00:00Z',
    ],
    ['without its image', { ...creating, waiting: 'ImagePullBackOff: x' }, null],
    ['begun, and in the middle of it', { ...creating, begun: true }, null],
  ])('%s', (_what, over, why) => {
    expect(whyStuck(facts(), pod(over))).toBe(why)
  })
})

describe('what is done about it', () => {
  test.each<[string, Partial<StuckPod>, Facts, object]>([
    ['terminating, and nothing of it runs', terminating, facts(), { do: 'delete' }],
    [
      'terminating, and it still runs',
      terminating,
      facts(['u']),
      { do: 'nothing', because: 's1 says that its containers run: main' },
    ],
    ['terminating, and another pod runs', terminating, facts(['other']), { do: 'delete' }],
    [
      'on a node that is not in the inventory',
      { ...terminating, node: 'gone' },
      facts(),
      { do: 'nothing', because: expect.stringMatching(/gone is not in the inventory/) },
    ],
    [
      'terminating, with a finalizer, and the kubelet not heard',
      { ...terminating, finalizers: ['a.example/b'] },
      facts(),
      { do: 'delete' },
    ],
    [
      'terminating, and only finalizers hold it',
      { ...terminating, graceSeconds: 0, finalizers: ['a.example/b', 'kubernetes.io/c'] },
      facts(),
      { do: 'remove-finalizers', finalizers: ['a.example/b'] },
    ],
    [
      'held by what Kubernetes itself serves',
      { ...terminating, graceSeconds: 0, finalizers: ['batch.kubernetes.io/job-tracking'] },
      facts(),
      { do: 'nothing', because: 'held by batch.kubernetes.io/job-tracking' },
    ],
    ['a file of its node', { ...terminating, isStatic: true }, facts(), { do: 'nothing' }],
    ['failed', { phase: 'Failed' }, facts(), { do: 'delete' }],
    [
      'creating, on a sandbox that is there',
      creating,
      facts(
        [],
        [
          { uid: 'u', ready: true },
          { uid: 'u', ready: false },
          { uid: 'other', ready: true },
        ],
      ),
      { do: 'stop-sandboxes', ids: ['id-0'] },
    ],
    [
      'creating, and its old sandbox cannot be taken down',
      creating,
      facts([], [{ uid: 'u', ready: false }]),
      { do: 'delete' },
    ],
    [
      'the same of a bare pod',
      { ...creating, owner: null },
      facts([], [{ uid: 'u', ready: false }]),
      { do: 'nothing', because: expect.stringMatching(/nobody would make it anew/) },
    ],
    [
      'creating, without a sandbox',
      creating,
      facts(),
      {
        do: 'nothing',
        because: expect.stringMatching(/a new pod would meet the same/),
        fix: 'mend what its last event says',
      },
    ],
  ])('%s', (_what, over, known, way) => {
    expect(wayOf(known, pod(over))).toMatchObject(way)
  })

  test.each(['sandboxes', 'containers'] as const)('nothing while containerd does not say its %s', (family) => {
    const known = facts()
    Object.assign(known.nodes.s1 ?? {}, { [family]: null })
    expect(wayOf(known, pod(terminating))).toMatchObject({
      do: 'nothing',
      because: expect.stringMatching(/containerd on s1/),
    })
  })
})

test('one line says of a pod what holds it', () => {
  const known = facts([], [{ uid: 'u', ready: false }])
  const held = pod({
    ...terminating,
    owner: null,
    finalizers: ['a.example/b'],
    conditions: [{ type: 'Ready', status: 'False', reason: 'NodeLost', message: '' }],
    lastEvent: { reason: 'FailedKillPod', message: 'cni plugin not initialized', atMs: 1 },
  })
  expect(describePod(known, held, 'Terminating')).toBe(
    'shop/web-0 (bare: nobody makes it anew): Terminating; on s1: no container, sandbox not ready; Ready=False (NodeLost); finalizers: a.example/b; last event: FailedKillPod: cni plugin not initialized',
  )
  expect(stuckPods({ ...known, stuck: { error: null, pods: [held], namespaces: [], silentApis: [] } })).toHaveLength(1)
})

test.each([
  ['kubernetes', true],
  ['kubernetes.io/pvc-protection', true],
  ['foregroundDeletion', true],
  ['wrangler.cattle.io/on-helm-chart-remove', true],
  ['controller.cattle.io/namespace-auth', false],
  ['evil.example/kubernetes.io/pvc-protection', false],
  ['finalizers.kubernetes.example/x', false],
])('%s is served by Kubernetes or K3s: %s', (finalizer, expected) => {
  expect(isServed(finalizer)).toBe(expected)
})
