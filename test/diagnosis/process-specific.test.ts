import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { processSpecific } from '../../src/diagnosis/process-specific.ts'
import { processSpecific as evidenceOf } from './support/causes.ts'
import { attempts, fromMs, inBursts, signals, works } from './support/evidence.ts'

const judge = processSpecific.judge

test('ruled out one by one, each with its figure', () => {
  const { diagnosis } = judge(evidenceOf())
  expect(diagnosis?.confidence).toBe('certain')
  expect(diagnosis?.points.map(({ holds, figure }) => `${holds}: ${figure}`)).toEqual([
    'true: 112 of 240 (46.7 %), 2 targets',
    'true: 0 of 240 (0 %) failed',
    'true: 0 of 240 (0 %) failed',
    'true: none of the 112 failures is of a pair that a policy selects',
    'true: none',
    'true: 900 of 262144',
    'true: 100 of 100 look-ups',
    'true: REACHABLE',
  ])
  expect(diagnosis?.details?.[0]?.rows).toContainEqual([
    'multicast groups',
    '239.255.255.250 224.0.0.251 224.0.0.1',
    '224.0.0.1',
  ])
})

describe('the fresh namespace to prove it with', () => {
  const { diagnosis, notMeasured } = judge(evidenceOf())
  const { manifest = '', command } = diagnosis?.advice[0] ?? {}
  const pod = parse(manifest)

  test('is a pod on the same node, for an hour at most, that tries what fails', () => {
    expect(pod).toMatchObject({ kind: 'Pod', metadata: { namespace: 'home' }, spec: { nodeName: 's1' } })
    expect(pod.spec.activeDeadlineSeconds).toBe(3600)
    const targets = evidenceOf()
      .series.filter(({ from }) => from === 'home/ha')
      .map(({ address, port }) => `${address}:${port}`)
    expect(pod.spec.containers[0].command.slice(4)).toEqual([...new Set(targets)])
    expect(command).toBe('kubectl -n home logs -f migrate-netdebug')
  })

  test('says what failed, and nothing of what did not', () => {
    const [shell, flag, script] = pod.spec.containers[0].command
    const world = 'sleep() { exit; }; date() { echo 12:00:00; }; nc() { [ "$4 $5" = "10.42.0.9 80" ]; }'
    const { stdout, status } = spawnSync(
      shell,
      [flag, `${world}\n${script}`, 'try-targets', '10.42.0.9:80', 'fd00::9:443'],
      { encoding: 'utf8' },
    )
    expect([status, stdout]).toEqual([0, '12:00:00 fd00::9:443\n'])
  })

  test('is not made by diagnose, which is said with the reason', () => {
    expect(notMeasured).toEqual([
      expect.stringMatching(
        /^the same targets from a fresh network namespace on s1, because .* diagnose changes no node/,
      ),
    ])
  })
})

test('a namespace that was not looked at leaves points unknown and is said', () => {
  const { diagnosis, notMeasured } = judge({ ...evidenceOf(), podNetworks: [] })
  expect(diagnosis?.points.filter(({ holds }) => holds === 'unknown')).toHaveLength(3)
  expect(diagnosis?.confidence).not.toBe('certain')
  expect(notMeasured[0]).toBe('the network namespace of home/ha')
})

test('a full connection table is not ruled out', () => {
  const evidence = evidenceOf()
  evidence.signals.s1 = signals({ conntrack: { count: 200_000, max: 262_144 } })
  const points = judge(evidence).diagnosis?.points
  expect(points?.find(({ claim }) => claim === 'conntrack has room')?.holds).toBe('false')
})

describe('it is not named', () => {
  const of = (from: string) => (evidence: ReturnType<typeof evidenceOf>) =>
    evidence.series.filter((one) => one.from === from)

  test('when the other pods of the node fail as well', () => {
    const evidence = evidenceOf()
    for (const from of ['home/debug', 'edge/probe-s1', 'shop/cli'])
      for (const one of of(from)(evidence)) one.attempts = attempts(inBursts(15_000, 7_000, 'unreachable'))
    expect(judge(evidence).diagnosis).toBeNull()
  })

  test('when it is one target that fails, or few of many', () => {
    const evidence = evidenceOf()
    for (const one of of('home/ha')(evidence)) if (one.to !== 'home/bridge') one.attempts = attempts(works)
    expect(judge(evidence).diagnosis).toBeNull()
    const many = evidenceOf()
    const [first] = of('home/ha')(many)
    for (const to of ['x', 'y']) if (first) many.series.push({ ...first, id: to, to, attempts: attempts(works) })
    expect(judge(many).diagnosis).toBeNull()
  })

  test('when what fails is outside, and nobody else of the node tries it', () => {
    const evidence = evidenceOf()
    for (const one of of('home/ha')(evidence)) one.attempts = attempts(works)
    const [first] = of('home/ha')(evidence)
    for (const host of ['met.no', 'google.com'])
      if (first)
        evidence.series.push({
          ...first,
          id: host,
          to: `external:${host}`,
          sort: 'external',
          attempts: attempts(inBursts(15_000, 7_000, 'unreachable')),
        })
    expect(judge(evidence).diagnosis).toBeNull()
  })

  test('when a policy selects the pod and its counter rises with the failures', () => {
    const evidence = evidenceOf()
    for (const one of of('home/ha')(evidence)) one.fromSelected = true
    const increments = Array.from({ length: 60 }, (_, second): [number, number] => [
      fromMs + second * 1000 + 300,
      (second * 1000) % 15_000 < 7_000 ? 8 : 0,
    ])
    for (const samples of evidence.rejects)
      if (samples.node === 's1') samples.rejects = [{ namespace: 'home', pod: 'ha', increments }]
    expect(judge(evidence).diagnosis).toBeNull()
  })
})

test('a policy that selects the pod while the counters are not known: possible at most', () => {
  const evidence = { ...evidenceOf(), rejects: [] }
  for (const one of evidence.series) if (one.from === 'home/ha') one.fromSelected = true
  expect(judge(evidence).diagnosis?.confidence).toBe('possible')
})
