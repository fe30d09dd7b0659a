import { z } from 'zod'
import type { Family } from './family.ts'

/** One line of `ufw status`: where to, what is done, where from. */
const ufwRuleSchema = z.object({ to: z.string(), action: z.string(), from: z.string() })

const zoneSchema = z.object({
  name: z.string(),
  target: z.string(),
  interfaces: z.array(z.string()),
  sources: z.array(z.string()),
  services: z.array(z.string()),
  ports: z.array(z.string()),
  richRules: z.array(z.string()),
})
export type FirewalldZone = z.infer<typeof zoneSchema>

/** Front ends of the host's packet filter, as they say of themselves. null: not there or not active. */
export const firewallSchema = z.object({
  ufw: z
    .object({
      /** What is done with incoming packets that no rule is about: allow, deny, reject. */
      incoming: z.string(),
      rules: z.array(ufwRuleSchema),
    })
    .nullable(),
  firewalld: z.array(zoneSchema).nullable(),
  /** Front ends that run and did not answer. */
  silent: z.array(z.string()),
})
export type FirewallFacts = z.infer<typeof firewallSchema>

/** `ufw status verbose`: columns two or more blanks apart; IPv6 rules say so in brackets. */
function ufw(text: string): FirewallFacts['ufw'] {
  if (!/^Status: active/m.test(text)) return null
  const incoming = /^Default: (\w+) \(incoming\)/m.exec(text)?.[1] ?? 'deny'
  const rules = text.split('\n').flatMap((line) => {
    const [, to, action, from] =
      /^(\S.*?)\s{2,}((?:ALLOW|DENY|REJECT|LIMIT)(?: (?:IN|OUT|FWD))?)\s{2,}(\S.*?)(?:\s+#.*)?\s*$/.exec(line) ?? []
    return to === undefined || action === undefined || from === undefined ? [] : [{ to, action, from }]
  })
  return { incoming, rules: rules.filter(({ action }) => !/ (OUT|FWD)$/.test(action)) }
}

/** `firewall-cmd --list-all-zones`: a zone's name at the margin, its settings indented. Only zones that apply to something. */
function zones(text: string): FirewalldZone[] {
  const blocks = text.split(/\n(?=\S)/)
  return blocks.flatMap((block) => {
    const [, name, state] = /^(\S+)(?: \((.*)\))?/.exec(block) ?? []
    if (name === undefined || !/active|default/.test(state ?? '')) return []
    const words = (key: string) =>
      (new RegExp(`^\\s+${key}: *(.*)$`, 'm').exec(block)?.[1] ?? '').split(/\s+/).filter((word) => word !== '')
    return {
      name,
      target: words('target')[0] ?? 'default',
      interfaces: words('interfaces'),
      sources: words('sources'),
      services: words('services'),
      ports: words('ports'),
      richRules: block.split('\n').flatMap((line) => (/^\s+rule /.test(line) ? [line.trim()] : [])),
    }
  })
}

export const firewallFamily: Family<FirewallFacts> = {
  script: `
if has ufw && systemctl is-active --quiet ufw.service; then emit firewall.ufw timeout 10 ufw status verbose; fi
if has firewall-cmd && systemctl is-active --quiet firewalld.service; then
  emit firewall.firewalld timeout 10 firewall-cmd --list-all-zones
fi
`,
  parse(sections) {
    const [ufwText, zonesText] = [sections.optional('firewall.ufw'), sections.optional('firewall.firewalld')]
    return {
      ufw: ufwText === null ? null : ufw(ufwText),
      firewalld: zonesText === null ? null : zones(zonesText),
      silent: ['ufw', 'firewalld'].filter(
        (name) => sections.get(`firewall.${name}`) !== null && sections.optional(`firewall.${name}`) === null,
      ),
    }
  },
}
