import { afterEach, expect, test } from 'vitest'
import { type Lab, list, up } from '../../src/lab/lab.ts'
import type { ScenarioName } from '../../src/lab/scenarios/scenarios.ts'
import { attemptsFromPod, shareOf } from './support/attempts-from-pod.ts'
import { takeDown } from './support/fresh-lab.ts'
import { onNode } from './support/lab-access.ts'
import { addresses, failedSyncs, hasBareDrop, kubectl, symptomOf, waitFor } from './support/symptoms.ts'

// Each cause by plain commands, as the reports found it: the product's own diagnosis is judged elsewhere.
const name = 'ev-s-scenarios'
afterEach(() => takeDown(name))

async function make(scenario: ScenarioName): Promise<Lab> {
  await takeDown(name)
  const lab = await up({ name, scenario })
  expect(list().find((one) => one.name === name)).toMatchObject({ complete: true, scenario })
  return lab
}

/** Chains of pods on a node: their names are others after each sync of kube-router. */
const podChains = (lab: Lab, node: string) =>
  onNode(lab, node, "iptables-save -t filter | grep -o '^:KUBE-POD-FW-[A-Z0-9]*' | sort")

test('reject-gap: selected pods are refused in bursts as long as CronJobs churn, others never', async () => {
  const lab = await make('reject-gap')
  const address = [...(await addresses(lab, 'automation', 'app=vm-waker')).values()][0] ?? ''
  const dns = [...(await addresses(lab, 'kube-system', 'k8s-app=kube-dns')).values()][0] ?? ''
  const target = { node: 's1', pod: 'homeassistant', address, port: 8080 }
  // Any minute from the first refusal on has all that a minute has.
  await symptomOf(lab)
  const watch = () =>
    Promise.all([
      attemptsFromPod(lab, { ...target, count: 120 }),
      attemptsFromPod(lab, { ...target, pod: 'traccar', address: dns, port: 53, count: 120 }),
    ])
  const [selected, unselected] = await watch()
  expect(shareOf(selected, 'refused')).toBeGreaterThan(0.12)
  expect(shareOf(selected, 'refused')).toBeLessThan(0.5)
  expect(shareOf(selected, 'ok')).toBeGreaterThan(0.5)
  // What nobody selects on either end is not touched by it.
  expect(shareOf(unselected, 'ok')).toBeGreaterThan(0.98)

  const suspend = `--type merge -p '{"spec":{"suspend":true}}'`
  for (const job of [
    '-n infra patch cronjob address-updater',
    '-n monitoring patch cronjob logs-to-loki',
    '-n monitoring patch cronjob usage-to-loki',
  ])
    await kubectl(lab, `${job} ${suspend}`)
  let before = ''
  await waitFor('kube-router to have nothing to do for 10 s', 90_000, async () => {
    const now = await podChains(lab, 's1')
    const same = now === before
    before = now
    if (same) await attemptsFromPod(lab, { ...target, count: 20 })
    return same && (await podChains(lab, 's1')) === now
  })
  const quiet = await attemptsFromPod(lab, { ...target, count: 60 })
  expect(shareOf(quiet, 'ok')).toBeGreaterThan(0.9)
})

test('process-specific: one pod cannot connect half of the time, and every lookup by address says it could', async () => {
  const lab = await make('process-specific')
  const address = (await addresses(lab, 'devices', 'app=ccu3')).get('s2') ?? ''
  const from = (pod: string, count: number) => attemptsFromPod(lab, { node: 's1', pod, address, port: 8080, count })
  await symptomOf(lab)
  const inside = `
    sandbox=$(k3s crictl pods -q --name homeassistant --state Ready)
    netns=$(k3s crictl inspectp -o json $sandbox | grep -o '/var/run/netns/[^"]*' | head -n 1)
    nsenter --net=$netns`
  const own = (await addresses(lab, 'automation', 'app=homeassistant')).get('s1') ?? ''
  const [broken, beside, inward, lookups] = await Promise.all([
    from('homeassistant', 100),
    from('netdebug', 100),
    attemptsFromPod(lab, { node: 's1', pod: 'netdebug', address: own, port: 8123, count: 100 }),
    onNode(lab, 's1', `${inside} bash -c 'for i in $(seq 50); do ip route get ${address}; sleep 1; done'`),
  ])
  expect(shareOf(broken, 'unreachable')).toBeGreaterThan(0.25)
  expect(shareOf(broken, 'unreachable')).toBeLessThan(0.75)
  expect(shareOf(broken, 'ok') + shareOf(broken, 'unreachable')).toBe(1)
  const blocks = broken.filter((one, index) => one === 'unreachable' && broken[index - 1] !== 'unreachable').length
  expect(blocks).toBeGreaterThanOrEqual(2)
  expect(blocks).toBeLessThanOrEqual(8)
  expect(shareOf(beside, 'ok')).toBe(1)
  // What is connected to is not broken.
  expect(shareOf(inward, 'ok')).toBe(1)
  expect(lookups.match(/via 10\.42\.0\.1 dev eth0/g)).toHaveLength(50)
  const groups = await onNode(lab, 's1', `${inside} ip maddr show dev eth0; ${inside} ss -lnu`)
  for (const text of ['239.255.255.250', '224.0.0.251', ':5353', ':1900']) expect(groups).toContain(text)
  expect(await kubectl(lab, 'get networkpolicies -A -o name')).toBe('')
})

test('tarpit: pages are fast or take 5 s, by the node of the backend', async () => {
  const lab = await make('tarpit')
  const web = await addresses(lab, 'securek8s', 'app=web')
  const ingresses = [...(await addresses(lab, 'ingress-nginx', 'app=controller')).entries()]
  expect(ingresses.map(([node]) => node).sort()).toEqual([...web.keys()].sort())
  for (const [, address] of ingresses) {
    const took: number[] = []
    for (let request = 0; request < 6; request++) {
      const { stdout } = await lab.run([
        'curl',
        '-s',
        '-o',
        '/dev/null',
        '-w',
        '%{http_code} %{time_starttransfer}',
        `http://${address}/`,
      ])
      const [status, seconds] = stdout.split(' ')
      expect(status).toBe('200')
      took.push(Number(seconds))
    }
    expect(took.filter((seconds) => seconds < 1)).toHaveLength(3)
    expect(took.filter((seconds) => seconds > 4.5 && seconds < 7)).toHaveLength(3)
  }
  const [[node, own] = ['', ''], [otherNode, other] = ['', '']] = [...web]
  const code = async (address: string) =>
    (await lab.exec(node, ['curl', '-s', '-m', '3', `http://${address}:8088/`])).code
  expect(await code(own)).toBe(0)
  // Time-out, though kube-router rejects: its answer is not sent.
  expect(await code(other)).toBe(28)
  const rules = await onNode(lab, otherNode, 'iptables-save -c -t filter')
  expect(rules).toMatch(/^\[[1-9]\d*:\d+\] -A KUBE-POD-FW-.*POD name:web-.* -j REJECT/m)
})

test('rule-conflict: one node waits for the xtables lock, and has a bare DROP', async () => {
  const lab = await make('rule-conflict')
  const metrics = (node: string) => onNode(lab, node, 'curl -s http://127.0.0.1:10249/metrics')
  await symptomOf(lab)
  expect(await metrics('a1')).toMatch(/_bucket\{ip_family="IPv4",le="4\.096"\} (?!0)\d+/)
  const log = await onNode(lab, 'a1', 'journalctl -u k3s-agent -o cat --no-pager')
  expect(log).toMatch(/exit status 4: Another app is currently holding the xtables lock/)
  await waitFor('a pod that waits for its network', 120_000, async () =>
    /^batch .*ContainerCreating/m.test(await kubectl(lab, 'get pods -A')),
  )
  // Others are well, and the node itself is there.
  expect(await failedSyncs(lab, 's1')).toBe(0)
  expect(await hasBareDrop(lab, 's1')).toBe(false)
  const key = `${lab.stateDir}/id_ed25519`
  const known = `UserKnownHostsFile=${lab.stateDir}/known_hosts`
  const ssh = await lab.run(['ssh', '-i', key, '-o', known, 'root@192.168.77.21', 'hostname'])
  expect(ssh.stdout).toBe('a1\n')
  expect(await kubectl(lab, 'get nodes')).toMatch(/^a1 +Ready/m)
})

test("home: the report's policies and pods, and refusals of the pod that talks most", async () => {
  const lab = await make('home')
  expect(lab.nodes.map((node) => node.name)).toEqual(['s1', 's2', 's3'])
  expect((await kubectl(lab, 'get networkpolicies -A -o name')).trim().split('\n')).toHaveLength(130)
  expect([...(await addresses(lab, 'automation', 'app=homeassistant')).keys()]).toEqual(['s1'])
  expect([...(await addresses(lab, 'automation', 'app=vm-waker')).keys()]).toEqual(['s2'])
  await waitFor("a refusal in Home Assistant's chain", 120_000, async () =>
    /^\[[1-9]\d*:\d+\] -A KUBE-POD-FW-.*POD name:homeassistant-.* -j REJECT/m.test(
      await onNode(lab, 's1', 'iptables-save -c -t filter'),
    ),
  )
})
