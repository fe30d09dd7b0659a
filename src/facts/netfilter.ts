import { z } from 'zod'
import { isEmpty, normalise, parse, print, rulesOf, tablesOf, targetOf } from '../netfilter/ruleset.ts'
import { xtables } from '../netfilter/tools.ts'
import type { Family } from './family.ts'

/** The four rule sets a host can have at once. */
export const rulesetNames = ['ip-nft', 'ip-legacy', 'ip6-nft', 'ip6-legacy'] as const
export type RulesetName = (typeof rulesetNames)[number]

/** Rule sets as `iptables-save` prints them, without counters and generated-by comments; ipsets as `ipset save`. */
export const netfilterSchema = z.object({
  /** null: that backend's tool is absent, or the rule set is empty. */
  rulesets: z.record(z.enum(rulesetNames), z.string().nullable()),
  /** What plain `iptables` is on the host. */
  defaultBackend: z.enum(['nft', 'legacy']).nullable(),
  ipsets: z.string(),
  /** Packets that kube-router's REJECT rules counted; every sync of its begins anew (measured.md 8). */
  rejected: z.number().exactOptional(),
  /** Names of native nft tables that iptables cannot show. */
  nftTables: z.array(z.string()),
})
export type NetfilterFacts = z.infer<typeof netfilterSchema>

/** Tables that iptables-nft keeps and prints itself. */
const compatible = /^(ip|ip6) (filter|nat|mangle|raw|security)$/

const chain = /^KUBE-(POD-FW|NWPLCY)-/

function rejectedPackets(text: string, name: RulesetName): number {
  const rejects = tablesOf(parse(text, name))
    .flatMap(rulesOf)
    .filter((rule) => chain.test(rule.chain) && targetOf(rule) === 'REJECT')
  return rejects.reduce((sum, { counters }) => sum + Number(/^\[(\d+):/.exec(counters ?? '')?.[1] ?? 0), 0)
}

function rulesetText(text: string | null, name: RulesetName): string | null {
  if (text === null) return null
  const ruleset = normalise(parse(text, name))
  return isEmpty(ruleset) ? null : print(ruleset)
}

/** All four rule sets, whichever of them the host uses: K3s, its bundled programs and the host's may not agree on one. */
export const netfilterFamily: Family<NetfilterFacts> = {
  script: `
${xtables}
for name in ${rulesetNames.join(' ')}; do
  if saver=$(xtables_program "$name" save); then
    # The legacy program makes the tables it looks at; where the kernel lists none, there is nothing to see.
    case $name in
      ip-legacy) [ -n "$(cat /proc/net/ip_tables_names 2>/dev/null)" ] || continue ;;
      ip6-legacy) [ -n "$(cat /proc/net/ip6_tables_names 2>/dev/null)" ] || continue ;;
    esac
    emit "netfilter.$name" "$saver" -c
  fi
done
! has iptables || emit netfilter.version iptables --version
! has ipset || emit netfilter.ipsets ipset save
! has nft || emit netfilter.tables nft list tables
`,
  parse(sections) {
    const version = sections.optional('netfilter.version')
    const tables = (sections.optional('netfilter.tables') ?? '').split('\n').map((line) => line.replace(/^table /, ''))
    const one = (name: RulesetName) =>
      sections.get(`netfilter.${name}`) ? rulesetText(sections.text(`netfilter.${name}`), name) : null
    return {
      rulesets: {
        'ip-nft': one('ip-nft'),
        'ip-legacy': one('ip-legacy'),
        'ip6-nft': one('ip6-nft'),
        'ip6-legacy': one('ip6-legacy'),
      },
      defaultBackend: version === null ? null : version.includes('nf_tables') ? 'nft' : 'legacy',
      ipsets: sections.get('netfilter.ipsets') ? sections.text('netfilter.ipsets') : '',
      rejected: rulesetNames
        .filter((name) => sections.get(`netfilter.${name}`))
        .reduce((sum, name) => sum + rejectedPackets(sections.text(`netfilter.${name}`), name), 0),
      nftTables: tables.filter((line) => line !== '' && !compatible.test(line)),
    }
  },
}
