import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { rejectSamplerScript } from '../../src/probes/reject-sampler-script.ts'
import { difference, parseSlice, type Slice } from '../../src/probes/reject-samples.ts'
import { fixture } from '../netfilter/fixtures.ts'

const missing = ['unshare', 'ip', 'ipset', 'iptables-nft-restore', 'iptables-legacy-restore'].filter(
  (program) => spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${program}`]).status !== 0,
)
const reason = process.getuid?.() !== 0 ? 'needs root' : missing.length > 0 ? `needs ${missing.join(', ')}` : undefined
if (reason !== undefined) console.warn(`test/probes/reject-sampler-script.test.ts is skipped: ${reason}`)

/**
 * Bash lines in a network namespace of their own, with an address that is a pod's of the fixtures and a way out. `look` runs the
 * sampler for one sample; its slices come back in the order in which they were taken.
 */
function inNamespace(lines: string, rules: string, ipsets: string, backend: string): Slice[] {
  const script = `PATH=$PATH:/usr/sbin:/sbin
set -e
ip link set lo up
ip link add pods type veth peer name other
ip link set pods up
ip link set other up
ip addr add 10.42.0.20/32 dev pods
ip route add default dev pods src 10.42.0.20
look() { bash -c "$SAMPLER" reject-sampler "\${1:-1}" 0 0; echo ------; }
packets() { for _ in $(seq "$1"); do echo x >/dev/udp/192.0.2.9/9 || :; done 2>/dev/null; }
printf %s "$IPSETS" | ipset restore
printf %s "$RULES" | iptables-${backend}-restore
${lines}`
  const env = { ...process.env, LC_ALL: 'C', SAMPLER: rejectSamplerScript, RULES: rules, IPSETS: ipsets }
  const { status, stdout, stderr } = spawnSync('unshare', ['-n', 'bash', '-s'], {
    input: script,
    env,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  return stdout
    .split('------\n')
    .slice(0, -1)
    .map((text) => {
      const slice = parseSlice(text)
      if (!slice) throw new Error(`no slice: ${text}`)
      return slice
    })
}

const sampleOf = (slice: Slice | undefined) => {
  const sample = slice?.samples.at(-1)
  if (!sample) throw new Error(`no sample: ${slice?.failures.join('; ')}`)
  return sample
}

describe.skipIf(reason !== undefined).each(['nft', 'legacy'])('in the kernel, %s', (backend) => {
  const rules = fixture('kube-router-2.6.3.rules')
  const ipsets = fixture('kube-router-2.6.3.ipset')

  test('what a pod was refused, across a gap, a sync and a restore that zeroes', () => {
    const iptables = `iptables-${backend}`
    const [quiet, flowing, gap, synced, zeroed] = inNamespace(
      `look
packets 3
look
# The pod is selected by no policy: with this chain empty nothing allows it anything.
${iptables} -F KUBE-NWPLCY-DEFAULT
packets 7
look
${iptables} -A KUBE-NWPLCY-DEFAULT -m comment --comment "rule to mark traffic matching a network policy" -j MARK --set-xmark 0x10000/0x10000
# As a sync: other names, the whole table written.
${iptables}-save -t filter | sed -E 's/KUBE-(POD-FW|NWPLCY)-([A-Z2-7])([A-Z2-7]{15})/KUBE-\\1-\\3\\2/g' | ${iptables}-restore
${iptables} -F KUBE-NWPLCY-DEFAULT
packets 9
look
${iptables}-save -t filter | ${iptables}-restore
packets 2
look`,
      rules,
      ipsets,
      backend,
    )
    const steps = [quiet, flowing, gap, synced, zeroed].map(sampleOf)
    const found = steps.map((sample, index) => difference(steps[index - 1] ?? null, sample))
    const refused = (pod: string) =>
      found.map((one) => one.increments.filter((each) => each.pod === pod).reduce((sum, { count }) => sum + count, 0))
    expect(refused('free')).toEqual([0, 0, 7, 9, 2])
    expect(found.map(({ reconciled }) => reconciled)).toEqual([false, false, false, true, false])
    expect(found.map(({ gaps }) => gaps.map(({ pod }) => pod).sort())).toEqual([
      [],
      [],
      ['free', 'web'],
      ['free', 'web'],
      [],
    ])
    expect(found[2]?.gaps[0]).toMatchObject({ namespace: 'd', what: 'policy-chain-empty' })
    expect(steps.map(({ emptyIsGap }) => emptyIsGap)).toEqual([true, true, true, true, true])
    expect(found[3]?.gaps.every(({ certain }) => certain)).toBe(true)
    expect([...sampleOf(synced).generations.keys()]).toEqual([`ip-${backend}`])
  })

  test('a pod whose chain leads to no policy', () => {
    const [slice] = inNamespace(
      // First read, then written: a restore holds the lock that reading waits for.
      `jumps=$(iptables-${backend} -S | sed -n -E 's/^-A (KUBE-POD-FW-.*) -j KUBE-NWPLCY-(DEFAULT|[A-Z2-7]{16})$/-D \\1 -j KUBE-NWPLCY-\\2/p')
printf '*filter\\n%s\\nCOMMIT\\n' "$jumps" | iptables-${backend}-restore --noflush
look`,
      rules,
      ipsets,
      backend,
    )
    expect([...sampleOf(slice).gaps.values()].map(({ what }) => what)).toEqual([
      'policy-chain-missing',
      'policy-chain-missing',
    ])
  })

  test('a recording of K3s 1.21.3: its policies that allow nothing have empty chains, and that is no gap', () => {
    const recorded = (name: string) =>
      readFileSync(new URL(`../fixtures/k3s-1.21.3/A-running/k2/${name}`, import.meta.url), 'utf8')
    const [slice] = inNamespace('look', recorded('iptables-save-c.txt'), recorded('ipset-save.txt'), backend)
    const sample = sampleOf(slice)
    expect(sample.gaps.size).toBeGreaterThan(0)
    expect(sample.generations.size).toBe(1)
    expect(sample.emptyIsGap).toBe(false)
    expect([...sample.gaps.values()].some(({ certain }) => certain)).toBe(false)
  })

  test('a node without kube-router: samples without anything, a second apart, until the time is over', () => {
    const [slice] = inNamespace('look 2500', `*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n`, '', backend)
    const times = slice?.samples.map(({ atMs }) => atMs) ?? []
    expect(times.length).toBeGreaterThan(0)
    expect(times.every((atMs, index) => index === 0 || atMs - (times[index - 1] ?? 0) >= 1000)).toBe(true)
    expect(sampleOf(slice).generations.size).toBe(0)
    expect((slice?.dueMs ?? 0) - (slice?.beginMs ?? 0)).toBeGreaterThanOrEqual(2500)
    expect(slice?.cpuMs).toBeGreaterThan(0)
  })
})

test.skipIf(reason !== undefined)('where nothing reads the rules it says so', () => {
  const script = `PATH=/nowhere; /bin/bash -c "$SAMPLER" reject-sampler 1 0 0`
  const { status, stderr } = spawnSync('/bin/bash', ['-c', script], {
    env: { SAMPLER: rejectSamplerScript, BASH_ENV: '' },
    encoding: 'utf8',
  })
  expect(status).not.toBe(0)
  expect(stderr).toContain('awk is missing')
})
