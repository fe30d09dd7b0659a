import { z } from 'zod'

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
  /** Names of native nft tables that iptables cannot show. */
  nftTables: z.array(z.string()),
})
export type NetfilterFacts = z.infer<typeof netfilterSchema>
