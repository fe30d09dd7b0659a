import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { cilium } from '../../src/netfilter/cilium.ts'
import { flannel } from '../../src/netfilter/flannel.ts'
import { destroyOrder, destroyScript, isKubeRouterSet, parseIpsets } from '../../src/netfilter/ipset.ts'
import { kubeRouter } from '../../src/netfilter/kube-router.ts'
import { stalePortmap } from '../../src/netfilter/portmap.ts'
import { applyRemoval, planRemoval, removalScript } from '../../src/netfilter/removal.ts'
import { returnScript } from '../../src/netfilter/return.ts'
import { normalise, parse, print, rulesOf, tablesOf } from '../../src/netfilter/ruleset.ts'
import { restoreScript } from '../../src/netfilter/tools.ts'
import { bytesOf, textOf } from '../../src/nodes/text.ts'
import { fixture, foreign, plant } from './fixtures.ts'

const run = (argv: readonly string[], input = '') => {
  const [program = '', ...args] = argv
  const result = spawnSync(program, args, { input: bytesOf(input), env: { ...process.env, LC_ALL: 'C' } })
  const [stdout, stderr] = [result.stdout, result.stderr].map((bytes: Buffer | null) => textOf(bytes ?? Buffer.of()))
  return { code: result.status ?? -1, stdout: stdout ?? '', stderr: stderr || String(result.error ?? '') }
}

const missing = ['unshare', 'ipset', 'iptables-nft-restore', 'iptables-legacy-restore'].filter(
  (program) => run(['sh', '-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${program}`]).code !== 0,
)
const reason = process.getuid?.() !== 0 ? 'needs root' : missing.length > 0 ? `needs ${missing.join(', ')}` : undefined
if (reason !== undefined) console.warn(`test/netfilter/kernel.test.ts is skipped: ${reason}`)

/** Runs a sequence of sh lines in a network namespace of their own, which ends with them. Files are arguments' contents. */
function inNamespace(script: string, files: Readonly<Record<string, string>>): string {
  const named = Object.entries(files).map(
    ([name, text]) => `${name}=$(printf %s ${quoted(text)}; echo .); ${name}=\${${name}%.}`,
  )
  const text = `PATH=$PATH:/usr/sbin:/sbin\nset -e\nfail() { echo "failed: $*" >&2; exit 1; }\n${named.join('\n')}\n${script}\n`
  const { code, stdout, stderr } = run(['unshare', '-n', 'sh', '-s'], text)
  if (code !== 0) throw new Error(stderr)
  return stdout
}
const latin1 = (text: string) => textOf(Buffer.from(text, 'latin1'))
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

const sets = [
  'create mine hash:ip family inet hashsize 1024 maxelem 65536',
  'add mine 192.0.2.1',
  'create KUBE-SRC-mine hash:ip family inet hashsize 1024 maxelem 65536',
  '',
].join('\n')
const owners = [kubeRouter, flannel('10.42.0.0/16'), cilium, stalePortmap(() => true)]
/** Without counters; tables by name, because the legacy kernel lists them in the order in which they were first used. */
const plain = (text: string) =>
  print({ parts: tablesOf(normalise(parse(text))).sort((a, b) => a.name.localeCompare(b.name)) })

describe.skipIf(reason !== undefined).each(['nft', 'legacy'])('in the kernel, %s', (backend) => {
  const save = `iptables-${backend}-save`
  const restore = `iptables-${backend}-restore`
  const name = `ip-${backend}`

  test.each([
    ['k3s-1.21.3-hostport.nft.rules', 'k3s-1.21.3-hostport.ipset'],
    ['kube-router-2.6.3.rules', 'kube-router-2.6.3.ipset'],
    ['k3s-1.21.3.legacy.rules', 'k3s-1.21.3.legacy.ipset'],
    ['cilium-1.13.9-beside-flannel.nft.rules', null],
  ])('%s: gone in one transaction each table, everything of others as it was', (rules, ipsets) => {
    // Where no sets were recorded, those that the rules name are made empty.
    const named = new Set([...fixture(rules).matchAll(/--match-set (\S+)/g)].map((match) => match[1] ?? ''))
    const own = ipsets
      ? fixture(ipsets)
      : [...named].map((one) => `create ${one} hash:ip family inet timeout 0\n`).join('')
    const hasNat = fixture(rules).includes('*nat\n')
    const text = plant(fixture(rules), hasNat ? foreign : { filter: foreign.filter })
    const jumps = Object.values(planRemoval(parse(text), [kubeRouter])).flatMap((one) => one.rules)
    const doubled = plant(text, { filter: jumps })
    // The kernel's own rendering is what a node is planned from.
    const before = inNamespace(`ipset restore <<EOF\n$SETS$OWN\nEOF\nprintf %s "$RULES" | ${restore}; ${save}`, {
      SETS: sets,
      OWN: own,
      RULES: doubled,
    })
    const removal = planRemoval(parse(before), owners)
    expect(removal.filter?.rules.length).toBeGreaterThanOrEqual(jumps.length * 2)
    const doomed = parseIpsets(own).filter(isKubeRouterSet)
    expect(doomed.length).toBe(parseIpsets(own).length)

    const after = inNamespace(
      `ipset restore <<EOF\n$SETS$OWN\nEOF
printf %s "$RULES" | ${restore}
printf %s "$REMOVAL" | sh -c "$RESTORE" restore ${name} || fail removal
printf %s "$DESTROY" | ipset restore || fail destroy
${save}; echo ------; ipset save`,
      {
        SETS: sets,
        OWN: own,
        RULES: before,
        REMOVAL: removalScript(removal),
        RESTORE: restoreScript,
        DESTROY: destroyScript(destroyOrder(doomed)),
      },
    )
    const [rulesAfter = '', setsAfter = ''] = after.split('------\n')
    expect(plain(rulesAfter)).toBe(plain(print(applyRemoval(parse(before), removal))))
    for (const line of foreign.filter) expect(rulesAfter).toContain(line.replace(/ \[0:0\]$/, ''))
    expect(rulesAfter).not.toMatch(/KUBE-POD-FW-[A-Z2-7]{16}|CILIUM_PRE_nat|FLANNEL-FWD /)
    expect(parseIpsets(setsAfter).map((set) => set.name)).toEqual(['mine', 'KUBE-SRC-mine'])
  })

  test('what was removed is put back to where it stood, between rules that others added meanwhile', () => {
    const recorded = fixture('kube-router-2.6.3.rules')
    const text = plant(recorded, { filter: foreign.filter })
    const before = inNamespace(`printf %s "$OWN" | ipset restore\nprintf %s "$RULES" | ${restore}; ${save}`, {
      OWN: fixture('kube-router-2.6.3.ipset'),
      RULES: text,
    })
    const removal = planRemoval(parse(before), [kubeRouter])
    const OWN = fixture('kube-router-2.6.3.ipset')
    const now = inNamespace(
      `printf %s "$OWN" | ipset restore
printf %s "$RULES" | ${restore}
printf %s "$REMOVAL" | sh -c "$RESTORE" restore ${name} || fail removal
iptables-${backend} -I FORWARD 1 -s 192.0.2.99/32 -j DROP
${save}`,
      { OWN, RULES: before, REMOVAL: removalScript(removal), RESTORE: restoreScript },
    )
    const output = inNamespace(
      `printf %s "$OWN" | ipset restore
printf %s "$RULES" | ${restore}
printf %s "$RETURN" | sh -c "$RESTORE" restore ${name} || fail return
${save}`,
      { OWN, RULES: now, RESTORE: restoreScript, RETURN: returnScript(parse(before), parse(now), removal) },
    )
    expect(returnScript(parse(before), parse(output), removal)).toBe('')
    const byChain = (rules: string) =>
      Object.fromEntries(Map.groupBy(tablesOf(parse(rules)).flatMap(rulesOf), (rule) => rule.chain))
    const texts = (rules: string, chain: string) => byChain(rules)[chain]?.map((rule) => rule.text)
    for (const chain of Object.keys(byChain(before)).filter((one) => one !== 'FORWARD'))
      expect(texts(output, chain)).toEqual(texts(before, chain))
    const dropped = '-A FORWARD -s 192.0.2.99/32 -j DROP'
    expect(texts(output, 'FORWARD')?.filter((rule) => rule !== dropped)).toEqual(texts(before, 'FORWARD'))
    expect(texts(output, 'FORWARD')).toContain(dropped)
  })

  test('one bad line, and nothing of its table is changed', () => {
    const text = fixture('kube-router-2.6.3.rules')
    const removal = planRemoval(parse(text), [kubeRouter])
    const broken = removalScript({
      filter: {
        chains: removal.filter?.chains ?? [],
        rules: [...(removal.filter?.rules ?? []), '-A INPUT -j NOWHERE'],
      },
    })
    const output = inNamespace(
      `printf %s "$OWN" | ipset restore
printf %s "$RULES" | ${restore}
${save}; echo ------
if printf %s "$BROKEN" | sh -c "$RESTORE" restore ${name} 2>/dev/null; then fail "it was accepted"; fi
${save}`,
      { OWN: fixture('kube-router-2.6.3.ipset'), RULES: text, BROKEN: broken, RESTORE: restoreScript },
    )
    const [before = '', after = ''] = output.split('------\n')
    expect(plain(before)).toContain('KUBE-ROUTER-INPUT')
    expect(plain(after)).toBe(plain(before))
  })

  test('comments that iptables accepts are read as it prints them', () => {
    const comments = [
      '',
      '-j',
      'a "b" \\ \'c\'',
      'x\n-A INPUT -j DROP\nCOMMIT',
      '\ttab',
      '# Completed',
      'ä'.repeat(100),
      latin1('caf\xe9 \xff'),
      '\u001b[31m$(id) `id` $HOME',
    ]
    const output = inNamespace(
      `${comments.map((comment) => `iptables-${backend} -A INPUT -m comment --comment ${quoted(comment)} -j ACCEPT`).join('\n')}\n${save}`,
      {},
    )
    expect(print(parse(output))).toBe(output)
    expect(
      parse(output)
        .parts.flatMap((part) => (part.kind === 'table' && part.name === 'filter' ? part.lines : []))
        .flatMap((line) => (line.kind === 'rule' ? [line.words[line.words.indexOf('--comment') + 1]] : [])),
    ).toEqual(comments)
  })

  test('a jump whose comment is not UTF-8 goes; its neighbour of somebody else stays byte for byte', () => {
    const rule = (comment: string, target: string) =>
      `iptables-${backend} -A INPUT -m comment --comment ${quoted(latin1(comment))} -j ${target}`
    const before = inNamespace(
      `iptables-${backend} -N KUBE-ROUTER-INPUT
${rule('caf\xe9 policies', 'KUBE-ROUTER-INPUT')}\n${rule('T\xfcr \x1b[2J "$(id)"', 'DROP')}\n${save}`,
      {},
    )
    const after = inNamespace(
      `printf %s "$RULES" | ${restore}
printf %s "$REMOVAL" | sh -c "$RESTORE" restore ${name} || fail removal
${save}`,
      {
        RULES: before,
        // As a plan keeps it.
        REMOVAL: JSON.parse(JSON.stringify(removalScript(planRemoval(parse(before), [kubeRouter])))),
        RESTORE: restoreScript,
      },
    )
    const [kept] = tablesOf(parse(after)).flatMap(rulesOf)
    expect(bytesOf(kept?.text ?? '')).toEqual(
      Buffer.from('-A INPUT -m comment --comment "T\xfcr \x1b[2J \\"$(id)\\"" -j DROP', 'latin1'),
    )
    expect(after).not.toContain('KUBE-ROUTER')
  })
})
