import { describe, expect, test } from 'vitest'
import type { ApiObject } from '../../../../src/lab/standin/context.ts'
import { readPod } from '../../../../src/lab/standin/node/kubelet/pod.ts'
import { podStatus, type StatusInput } from '../../../../src/lab/standin/node/kubelet/status.ts'
import type { ContainerState, SandboxState } from '../../../../src/lab/standin/node/runtime/state.ts'

const object: ApiObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'n', uid: 'u' },
  spec: {
    restartPolicy: 'Always',
    initContainers: [{ name: 'config', image: 'i' }],
    containers: [{ name: 'agent', image: 'i' }],
  },
}

function container(name: string, more: Partial<ContainerState> = {}): ContainerState {
  return {
    id: `id-${name}`,
    name,
    kind: name === 'config' ? 'init' : 'app',
    attempt: 0,
    image: 'i',
    pid: 1,
    startTicks: '1',
    startedAtMs: 0,
    finishedAtMs: null,
    exitCode: null,
    logPath: '',
    ...more,
  }
}

function statusOf(containers: ContainerState[], more: Partial<StatusInput> = {}) {
  const sandbox: SandboxState = {
    id: 's',
    name: 'p',
    namespace: 'n',
    uid: 'u',
    attempt: 0,
    createdAtMs: 0,
    ready: true,
    netns: '/var/run/netns/cni-x',
    networkGone: false,
    ip: '10.42.0.7',
    portMappings: [],
    cniResult: null,
    labels: {},
    annotations: {},
    containers,
  }
  const input: StatusInput = {
    pod: readPod(object),
    nodeIp: '192.168.77.11',
    sandbox,
    ready: new Map(),
    waiting: new Map(),
    restarts: new Map(),
    now: new Date('2026-01-02T03:04:05.678Z'),
    ...more,
  }
  return podStatus(input) as {
    phase: string
    podIP: string | null
    conditions: { type: string; status: string; lastTransitionTime: string }[]
    initContainerStatuses: { ready: boolean; state: object }[]
    containerStatuses: { ready: boolean; restartCount: number; state: object }[]
  }
}

const done = { finishedAtMs: 1000, exitCode: 0 }

describe('the status of a pod', () => {
  test('with its init container at work is Pending, and can be shown as Init:0/1', () => {
    const status = statusOf([container('config')])
    expect(status.phase).toBe('Pending')
    expect(status.initContainerStatuses[0]).toMatchObject({ ready: false, state: { running: {} } })
    expect(status.containerStatuses[0]?.state).toEqual({ waiting: { reason: 'PodInitializing' } })
  })

  test('without a sandbox it has no address and is being created', () => {
    const status = statusOf([], { sandbox: null })
    expect(status).toMatchObject({ phase: 'Pending', podIP: null })
  })

  test('runs and is ready, until its probe says otherwise', () => {
    const containers = [container('config', done), container('agent')]
    const condition = (status: ReturnType<typeof statusOf>) =>
      status.conditions.find((one) => one.type === 'Ready')?.status
    expect(statusOf(containers)).toMatchObject({ phase: 'Running', podIP: '10.42.0.7' })
    expect(condition(statusOf(containers))).toBe('True')
    expect(condition(statusOf(containers, { ready: new Map([['agent', false]]) }))).toBe('False')
  })

  test('crash-loops: it waits, with the restarts it had', () => {
    const status = statusOf([container('config', done), container('agent', { finishedAtMs: 1, exitCode: 1 })], {
      waiting: new Map([['agent', { reason: 'CrashLoopBackOff' }]]),
      restarts: new Map([['agent', 3]]),
    })
    expect(status.phase).toBe('Running')
    expect(status.containerStatuses[0]).toMatchObject({
      ready: false,
      restartCount: 3,
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { exitCode: 1 } },
    })
  })

  test.each([
    [0, 'Never', 'Succeeded'],
    [1, 'Never', 'Failed'],
    [0, 'OnFailure', 'Succeeded'],
    [1, 'OnFailure', 'Running'],
    [0, 'Always', 'Running'],
  ])('ended with %i under restartPolicy %s is %s', (exitCode, restartPolicy, phase) => {
    const pod = readPod({ ...object, spec: { ...object.spec, restartPolicy } })
    expect(
      statusOf([container('config', done), container('agent', { finishedAtMs: 1, exitCode })], { pod }).phase,
    ).toBe(phase)
  })

  test('keeps the time of a condition that did not change', () => {
    const earlier = '2026-01-01T00:00:00Z'
    const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: earlier, lastProbeTime: null }]
    const pod = readPod({ ...object, status: { conditions } })
    const status = statusOf([container('config', done), container('agent')], { pod })
    expect(status.conditions.find((one) => one.type === 'Ready')?.lastTransitionTime).toBe(earlier)
    expect(status.conditions.find((one) => one.type === 'Initialized')?.lastTransitionTime).toBe('2026-01-02T03:04:05Z')
  })
})
