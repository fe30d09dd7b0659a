import { isDeepStrictEqual } from 'node:util'
import { until } from '../../../src/lab/host.ts'
import type { Lab } from '../../../src/lab/lab.ts'
import { differences } from './cluster-state.ts'
import { onNode, serverOf } from './lab-access.ts'

/**
 * What an operator, Docker or a firewall may have on a node, made to look as much as possible like what is removed. Every
 * rule has "planted" in its comment, its chain or its set. Run again it adds what is missing, and says so.
 */
const plantScript = `set -eu
# add PROGRAM TABLE -A|-I CHAIN RULE...
add() {
  program=$1 table=$2 how=$3 chain=$4; shift 4
  $program -w 10 -t $table -C $chain "$@" 2>/dev/null && return
  $program -w 10 -t $table $how $chain "$@"
  echo added
}
chain() { $1 -w 10 -t $2 -S $3 >/dev/null 2>&1 || $1 -w 10 -t $2 -N $3; }
both() {
  program=$1
  chain $program filter PLANTED-DOCKER
  add $program filter -A PLANTED-DOCKER -p tcp --dport 2375 -m comment --comment "planted docker" -j DROP
  add $program filter -A PLANTED-DOCKER -m comment --comment "planted" -j RETURN
  add $program filter -I FORWARD -m comment --comment "planted: jump like KUBE-ROUTER-FORWARD" -j PLANTED-DOCKER
  add $program filter -A INPUT -p udp --dport 8472 -m comment --comment "planted: flannel may come in, see KUBE-ROUTER notes" -j ACCEPT
  add $program filter -A INPUT -m mark --mark 0x20000/0x20000 -m comment --comment "planted: KUBE-ROUTER rule to explicitly ACCEPT traffic" -j ACCEPT
  add $program filter -A OUTPUT -p tcp --dport 9 -m comment --comment "planted: it's \\"quoted\\" \\\\ CILIUM_OUTPUT" -j ACCEPT
  add $program mangle -A PREROUTING -p tcp --dport 7 -m comment --comment "planted: CNI-HOSTPORT-DNAT" -j MARK --set-mark 0x7
  add $program nat -A POSTROUTING -p tcp --dport 11 -m comment --comment "planted: flanneld masq of mine" -j MASQUERADE
  chain $program nat KUBE-ROUTERISH-PLANTED
  add $program nat -A KUBE-ROUTERISH-PLANTED -m comment --comment "planted" -j RETURN
  chain $program nat CNI-DN-PLANTED
  add $program nat -A CNI-DN-PLANTED -p tcp --dport 9101 -m comment --comment "planted: dnat of mine" -j RETURN
  add $program nat -A PREROUTING -p tcp --dport 9101 -m comment --comment "planted" -j CNI-DN-PLANTED
}
ipset create planted-allow hash:net comment -exist
ipset add planted-allow 198.51.100.0/24 comment "planted KUBE-SRC-" -exist
ipset create PLANTED-KUBE-DST-A hash:ip -exist
ipset add PLANTED-KUBE-DST-A 198.51.100.7 -exist
both iptables
both ip6tables
add iptables filter -A FORWARD -s 10.42.99.0/24 -m comment --comment "planted: inside the pod range" -j ACCEPT
add iptables filter -A FORWARD -m set --match-set planted-allow src -m comment --comment "planted: flanneld forward" -j ACCEPT
add iptables nat -A POSTROUTING -s 10.9.0.0/16 ! -d 224.0.0.0/4 -m comment --comment "planted: flanneld masq of mine" -j MASQUERADE
link() { ip link show dev $1 >/dev/null 2>&1 || { ip link add "$@"; ip link set $1 up; }; }
link planted-br type bridge
link lxcbr0 type bridge
link flannel.9 type vxlan id 9 dstport 4799 dev lo
ip address replace 198.51.100.1/24 dev planted-br
ip address replace 198.51.101.1/24 dev lxcbr0
ip route replace 203.0.113.0/24 via 198.51.100.2 dev planted-br
ip route replace 10.42.99.0/24 via 198.51.100.2 dev planted-br
ip route replace 203.0.113.0/24 via 198.51.100.2 dev planted-br table 2001
ip rule show priority 777 | grep -q . || ip rule add fwmark 0x77 lookup 2001 priority 777
mkdir -p /etc/cni/planted.d /opt/planted /var/lib/cni/networks/planted /run/planted
write() { [ -e "$1" ] || echo planted > "$1"; }
write /etc/cni/planted.d/90-planted.conf
write /opt/planted/cilium-cni
write /var/lib/cni/networks/planted/10.9.0.2
write /run/planted/subnet.env
write /etc/sysctl.d/99-planted.conf
`

/**
 * Everything that was planted, in its order. Of the chains that others use too also the jumps of kube-proxy: what is planted
 * must stay between them where it was.
 */
const listScript = `
for program in iptables ip6tables; do
  for backend in nft legacy; do
    echo "== $program-$backend"
    $program-$backend-save 2>/dev/null | grep -iE 'planted|-j KUBE-(SERVICES|NODEPORTS|EXTERNAL-SERVICES|FORWARD|FIREWALL|POSTROUTING|PROXY-FIREWALL)$' |
      sed 's/\\[[0-9]*:[0-9]*\\]//'
  done
done
echo '== sets'; ipset save planted-allow; ipset save PLANTED-KUBE-DST-A
echo '== network'
for link in planted-br lxcbr0 flannel.9; do ip -o link show dev $link; ip -o -4 address show dev $link; done
# The kernel adds its own for IPv6 a moment after a link came up.
ip -4 route show table all | grep -E 'planted|lxcbr0'; ip rule show priority 777
echo '== files'
for file in /etc/cni/planted.d/90-planted.conf /opt/planted/cilium-cni /var/lib/cni/networks/planted/10.9.0.2 /run/planted/subnet.env /etc/sysctl.d/99-planted.conf; do
  stat -c '%n %a %u:%g %Y' "$file"; cat "$file"
done
`

/** By node. Throws when a set, a link or a file of it is gone. */
export async function listPlanted(lab: Lab): Promise<Record<string, string[]>> {
  const texts = await Promise.all(
    lab.nodes.map(
      async ({ name }): Promise<[string, string[]]> => [name, (await onNode(lab, name, listScript)).split('\n')],
    ),
  )
  return Object.fromEntries(texts)
}

/** Throws with what differs, unless what was `planted` stands where it stood. */
export async function expectPlanted(lab: Lab, planted: Record<string, string[]>): Promise<void> {
  const found = differences(planted, await listPlanted(lab))
  if (found.length > 0) throw new Error(`what was planted is touched (- before, + now):\n${found.join('\n')}`)
  // The same lines, and so the same number of them: only their order may still differ.
  if (!isDeepStrictEqual(await listPlanted(lab), planted)) throw new Error('what was planted stands in another order')
}

/** A policy that selects nothing: it comes and goes to make kube-router write its rules anew. */
const nudge = JSON.stringify({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'nudge', namespace: 'default' },
  spec: { podSelector: { matchLabels: { nobody: 'nowhere' } }, policyTypes: ['Ingress'] },
})

const chainNames = async (lab: Lab, node: string) =>
  onNode(lab, node, "iptables-save -t filter | grep -o '^:KUBE-POD-FW-[A-Z0-9]*' | sort; :")

/** Waits until kube-router has written its rules anew on every node. */
async function untilSynced(lab: Lab): Promise<void> {
  const before = await Promise.all(lab.nodes.map(({ name }) => chainNames(lab, name)))
  for (const verb of ['apply', 'delete'])
    await lab.exec(serverOf(lab), ['k3s', 'kubectl', verb, '-f', '-'], { stdin: nudge })
  await until(
    { waitingFor: () => 'kube-router to write its rules anew', timeoutMs: 60_000, everyMs: 250 },
    async () => {
      const now = await Promise.all(lab.nodes.map(({ name }) => chainNames(lab, name)))
      return now.every((names, index) => names !== before[index]) ? true : undefined
    },
  )
}

/** Puts back what a node that was switched off has lost of it: rules, sets and links, in any order; files stay by themselves. */
export async function plantAgain(lab: Lab): Promise<void> {
  await Promise.all(lab.nodes.map(({ name }) => onNode(lab, name, plantScript)))
}

/**
 * Plants on every node and returns what stands there. kube-router writes whole tables and so loses foreign rules that are
 * added meanwhile (measured.md 9): planted until it is all there, and still is after kube-router wrote again.
 */
export async function plant(lab: Lab): Promise<Record<string, string[]>> {
  let refused = ''
  const waitingFor = () => `what is planted to stay${refused}`
  return until({ waitingFor, timeoutMs: 120_000, everyMs: 0 }, async () => {
    refused = ''
    // A chain may be lost between being made and being given its rule.
    const noted = (error: Error) => {
      refused = ` (${error.message})`
      return refused
    }
    const added = await Promise.all(lab.nodes.map(({ name }) => onNode(lab, name, plantScript).catch(noted)))
    await untilSynced(lab)
    return added.every((text) => text === '') ? listPlanted(lab) : undefined
  })
}
