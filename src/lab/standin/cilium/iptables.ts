import { run } from '../node/command.ts'

export interface MasqueradeState {
  podCidr: string
  router: string
  masquerade: boolean
  /** Packets of pods to it keep their source: the pods' own range, with native routing all of Cilium's. */
  keptInside: string
}

interface Table {
  name: string
  feeders: [parent: string, chain: string][]
  rules: string[]
}

const comment = (text: string) => `-m comment --comment "${text}"`

/** Chains and rules of a real agent with kube-proxy kept (fixtures/cilium-1.13.9, all states; the same text in 1.17). */
function tables({ podCidr, router, masquerade, keptInside }: MasqueradeState): Table[] {
  const outside = `! -s ${podCidr} ! -d ${keptInside}`
  return [
    {
      name: 'mangle',
      feeders: [
        ['PREROUTING', 'CILIUM_PRE_mangle'],
        ['POSTROUTING', 'CILIUM_POST_mangle'],
      ],
      rules: [
        `-A CILIUM_PRE_mangle -m socket --transparent ${comment('cilium: any->pod redirect proxied traffic to host proxy')} -j MARK --set-xmark 0x200/0xffffffff`,
      ],
    },
    {
      name: 'raw',
      feeders: [
        ['PREROUTING', 'CILIUM_PRE_raw'],
        ['OUTPUT', 'CILIUM_OUTPUT_raw'],
      ],
      rules: [
        ...['lxc+', 'cilium_host'].map(
          (link) =>
            `-A CILIUM_OUTPUT_raw -o ${link} -m mark --mark 0xa00/0xfffffeff ${comment('cilium: NOTRACK for proxy return traffic')} -j CT --notrack`,
        ),
        ...['lxc+', 'cilium_host'].map(
          (link) =>
            `-A CILIUM_OUTPUT_raw -o ${link} -m mark --mark 0x800/0xe00 ${comment('cilium: NOTRACK for L7 proxy upstream traffic')} -j CT --notrack`,
        ),
        `-A CILIUM_PRE_raw -m mark --mark 0x200/0xf00 ${comment('cilium: NOTRACK for proxy traffic')} -j CT --notrack`,
      ],
    },
    {
      name: 'filter',
      feeders: [
        ['INPUT', 'CILIUM_INPUT'],
        ['FORWARD', 'CILIUM_FORWARD'],
        ['OUTPUT', 'CILIUM_OUTPUT'],
      ],
      rules: [
        `-A CILIUM_FORWARD -o cilium_host ${comment('cilium: any->cluster on cilium_host forward accept')} -j ACCEPT`,
        `-A CILIUM_FORWARD -i cilium_host ${comment('cilium: cluster->any on cilium_host forward accept (nodeport)')} -j ACCEPT`,
        `-A CILIUM_FORWARD -i lxc+ ${comment('cilium: cluster->any on lxc+ forward accept')} -j ACCEPT`,
        `-A CILIUM_FORWARD -i cilium_net ${comment('cilium: cluster->any on cilium_net forward accept (nodeport)')} -j ACCEPT`,
        `-A CILIUM_INPUT -m mark --mark 0x200/0xf00 ${comment('cilium: ACCEPT for proxy traffic')} -j ACCEPT`,
        `-A CILIUM_OUTPUT -m mark --mark 0xa00/0xfffffeff ${comment('cilium: ACCEPT for proxy return traffic')} -j ACCEPT`,
        `-A CILIUM_OUTPUT -m mark --mark 0x800/0xe00 ${comment('cilium: ACCEPT for l7 proxy upstream traffic')} -j ACCEPT`,
        `-A CILIUM_OUTPUT -m mark ! --mark 0xe00/0xf00 -m mark ! --mark 0xd00/0xf00 -m mark ! --mark 0xa00/0xe00 -m mark ! --mark 0x800/0xe00 -m mark ! --mark 0xf00/0xf00 ${comment('cilium: host->any mark as from host')} -j MARK --set-xmark 0xc00/0xf00`,
      ],
    },
    {
      name: 'nat',
      feeders: [
        ['PREROUTING', 'CILIUM_PRE_nat'],
        ['OUTPUT', 'CILIUM_OUTPUT_nat'],
        ['POSTROUTING', 'CILIUM_POST_nat'],
      ],
      rules: masquerade
        ? [
            `-A CILIUM_POST_nat -s ${podCidr} ! -d ${keptInside} ! -o cilium_+ ${comment('cilium masquerade non-cluster')} -j MASQUERADE`,
            `-A CILIUM_POST_nat -m mark --mark 0xa00/0xe00 ${comment('exclude proxy return traffic from masquerade')} -j ACCEPT`,
            `-A CILIUM_POST_nat ${outside} -o cilium_host ${comment('cilium host->cluster masquerade')} -j SNAT --to-source ${router}`,
            `-A CILIUM_POST_nat -s 127.0.0.1/32 -o cilium_host ${comment('cilium host->cluster from 127.0.0.1 masquerade')} -j SNAT --to-source ${router}`,
            `-A CILIUM_POST_nat -o cilium_host -m mark --mark 0xf00/0xf00 -m conntrack --ctstate DNAT ${comment('hairpin traffic that originated from a local pod')} -j SNAT --to-source ${router}`,
          ]
        : [],
    },
  ]
}

/** Feeders that stand in a rule set, table by table, as the arguments that delete them. */
function presentFeeders(save: string): Map<string, string[]> {
  const found = new Map<string, string[]>()
  let table = ''
  for (const line of save.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1)
    else if (/^-A \S+ -m comment --comment "cilium-feeder: /.test(line)) {
      found.set(table, [...(found.get(table) ?? []), line.replace(/^-A/, '-D')])
    }
  }
  return found
}

/** Input of `iptables-restore --noflush`: Cilium's chains anew, its feeders first in each built-in chain, once. */
export function renderChains(state: MasqueradeState, save: string): string {
  const present = presentFeeders(save)
  return tables(state)
    .map(({ name, feeders, rules }) =>
      [
        `*${name}`,
        ...feeders.map(([, chain]) => `:${chain} - [0:0]`),
        ...(present.get(name) ?? []),
        ...feeders.map(([parent, chain]) => `-I ${parent} 1 ${comment(`cilium-feeder: ${chain}`)} -j ${chain}`),
        ...rules,
        'COMMIT',
        '',
      ].join('\n'),
    )
    .join('')
}

export async function installChains(state: MasqueradeState): Promise<void> {
  const save = await run(['iptables-save'])
  await run(['iptables-restore', '--noflush', '--wait'], { stdin: renderChains(state, save) })
}
