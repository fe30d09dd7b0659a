import { mkdir, rm } from 'node:fs/promises'
import { run } from '../node/command.ts'
import { assemble, bpf, helper, type Instruction } from './bpf-assembler.ts'

/**
 * The stand-in's datapath is what the real one's is: BPF programs on the links, with pinned maps. Only these programs
 * decide nothing but where a packet goes; policy and Services stand in the pods' own namespaces (policy/).
 */
export const globals = '/sys/fs/bpf/tc/globals'

/** Maps that a real agent pins and the stand-in has no use for: they are here because leftovers are to be found. */
const idleMaps = [
  'cilium_call_policy',
  'cilium_ct4_global',
  'cilium_ct_any4_global',
  'cilium_encrypt_state',
  'cilium_events',
  'cilium_ipcache',
  'cilium_ipv4_frag_datagrams',
  'cilium_lb4_backends_v3',
  'cilium_lb4_reverse_nat',
  'cilium_lb4_services_v2',
  'cilium_metrics',
  'cilium_node_map',
  'cilium_signals',
]

const mapType = { array: 2, hash: 1, longestPrefix: 11 } as const

// Maps and programs outlive this process by their pins and attachments. Node has no bpf(2); perl-base is on every Debian.
const loader = `
use strict; use warnings;
my $number = \`uname -m\` =~ /aarch64/ ? 280 : 321;
my %open;
sub bpf { my ($command, $attributes) = @_;
  my $result = syscall($number, $command, $attributes, length $attributes);
  return $result; }
sub fail { my ($what) = @_; print STDERR "$what: $!\\n"; exit 1 }
sub map_of { my ($name) = @_; return $open{$name} //= do {
  my $path = "${globals}/$name\\0";
  my $fd = bpf(7, pack('P L L', $path, 0, 0)); fail("map $name") if $fd < 0; $fd } }
while (my $line = <STDIN>) {
  chomp $line; my ($do, $name, @rest) = split / /, $line;
  if ($do eq 'map') {
    my $path = "${globals}/$name\\0"; next if -e "${globals}/$name";
    my $fd = bpf(0, pack('L7 a16', @rest, 0, 0, substr($name, 0, 15))); fail("create map $name") if $fd < 0;
    fail("pin map $name") if bpf(6, pack('P L L', $path, $fd, 0)) < 0;
  } elsif ($do eq 'set') {
    my ($key, $value) = map { pack 'H*', $_ } @rest;
    fail("update map $name") if bpf(2, pack('L x4 P P Q', map_of($name), $key, $value, 0)) < 0;
  } elsif ($do eq 'unset') {
    my $key = pack 'H*', $rest[0];
    bpf(3, pack('L x4 P Q Q', map_of($name), $key, 0, 0));
  } elsif ($do eq 'program') {
    my $path = shift @rest; $path .= "\\0";
    my $code = join '', map { /^@(\\w+),(\\d)$/
      ? pack('C C s l', 0x18, 0x10 | $2, 0, map_of($1)) . pack('C C s l', 0, 0, 0, 0) : pack 'H*', $_ } @rest;
    my $license = "GPL\\0"; my $log = "\\0" x 65536;
    my $fd = bpf(5, pack('L L P P L L P L L a16', 3, length($code) / 8, $code, $license, 1, length $log, $log, 0, 0,
      substr($name, 0, 15)));
    if ($fd < 0) { $log =~ s/\\0.*//s; fail("load program $name: $log") }
    unlink substr($path, 0, -1);
    fail("pin program $name") if bpf(6, pack('P L L', $path, $fd, 0)) < 0;
  }
}
`

const perl = (commands: readonly string[]): Promise<string> =>
  commands.length === 0 ? Promise.resolve('') : run(['perl', '-e', loader], { stdin: `${commands.join('\n')}\n` })

export async function mountBpf(): Promise<void> {
  const mounted = (await run(['cat', '/proc/self/mounts']))
    .split('\n')
    .some((line) => / \/sys\/fs\/bpf bpf /.test(line))
  if (!mounted) await run(['mount', '-t', 'bpf', 'bpf', '/sys/fs/bpf'])
  await mkdir(globals, { recursive: true })
}

export async function createMaps(): Promise<void> {
  await perl([
    ...idleMaps.map((name) => `map ${name} ${mapType.array} 4 8 1 0`),
    `map cilium_lxc ${mapType.hash} 4 28 4096 0`,
    // A longest-prefix map is always allocated on demand (flag 1).
    `map cilium_tunnel_map ${mapType.longestPrefix} 8 8 1024 1`,
  ])
}

const TC_ACT_OK = 0
/** `__sk_buff` of include/uapi/linux/bpf.h. */
const skb = { mark: 8, protocol: 16 }
const ipv4 = 0x0008
const destinationAddress = 30

/** The packet's destination into the stack frame at -4; anything but IPv4 is passed on. Register 6 holds the packet. */
const readDestination: Instruction[] = [
  bpf.copy(6, 1),
  bpf.load(0, 6, skb.protocol),
  bpf.jumpUnlessEqual(0, ipv4, 'pass'),
  bpf.copy(1, 6),
  bpf.set(2, destinationAddress),
  bpf.copy(3, 10),
  bpf.add(3, -4),
  bpf.set(4, 4),
  bpf.call(helper.loadBytes),
  bpf.jumpUnlessEqual(0, 0, 'pass'),
]

/** To a pod of this node: its link, with the address that says who sent it. */
const toLocalPod: Instruction[] = [
  bpf.map(1, 'cilium_lxc'),
  bpf.copy(2, 10),
  bpf.add(2, -4),
  bpf.call(helper.mapLookup),
  bpf.jumpIfEqual(0, 0, 'remote'),
  bpf.copy(7, 0),
  bpf.load(8, 6, skb.mark),
  bpf.and(8, 0xf00),
  bpf.copy(3, 7),
  bpf.add(3, 4),
  bpf.jumpIfEqual(8, 0xc00, 'local'),
  bpf.add(3, 12),
  bpf.label('local'),
  bpf.copy(1, 6),
  bpf.set(2, 0),
  bpf.set(4, 12),
  bpf.set(5, 0),
  bpf.call(helper.storeBytes),
  bpf.load(1, 7, 0),
  bpf.set(2, 0),
  bpf.call(helper.redirect),
  bpf.exit(),
  bpf.label('remote'),
]

/** To another node's range: through the tunnel. */
const toOtherNode: Instruction[] = [
  bpf.storeValue(10, -8, 32),
  bpf.map(1, 'cilium_tunnel_map'),
  bpf.copy(2, 10),
  bpf.add(2, -8),
  bpf.call(helper.mapLookup),
  bpf.jumpIfEqual(0, 0, 'pass'),
  bpf.copy(7, 0),
  // The tunnel's identifier is the sender's identity; 2 is "world", and nothing reads it here.
  bpf.storeValue(10, -16, 2),
  bpf.load(1, 7, 0),
  bpf.store(10, -12, 1),
  bpf.copy(1, 6),
  bpf.copy(2, 10),
  bpf.add(2, -16),
  bpf.set(3, 8),
  bpf.set(4, 2),
  bpf.call(helper.setTunnelKey),
  bpf.load(1, 7, 4),
  bpf.set(2, 0),
  bpf.call(helper.redirect),
  bpf.exit(),
]

const ok: Instruction[] = [bpf.set(0, TC_ACT_OK), bpf.exit()]

const fromHost: Instruction[] = [...readDestination, ...toLocalPod, ...toOtherNode, bpf.label('pass'), ...ok]

/** What is for nobody of this node's pods is for the node: the frame is addressed to no link of it all the same. */
const fromOverlay: Instruction[] = [
  ...readDestination,
  ...toLocalPod,
  bpf.label('pass'),
  bpf.copy(1, 6),
  bpf.set(2, 0),
  bpf.call(helper.changeType),
  ...ok,
]

/**
 * From pod to pod past the node's rule sets, as the real one goes (the counters of CILIUM_FORWARD in
 * fixtures/cilium-1.13.9, c5). All else is the node's stack to route, and carries its sender's identity in the mark
 * (bpf/lib/common.h, set_identity_mark): the low 16 bits uppermost, where kube-router has its own.
 */
const fromContainer = (identity: number, withTunnel: boolean): Instruction[] => [
  ...readDestination,
  ...toLocalPod,
  ...(withTunnel ? toOtherNode : []),
  bpf.label('pass'),
  bpf.set(1, identityMark(identity)),
  bpf.store(6, skb.mark, 1),
  ...ok,
]

export const identityMark = (identity: number): number =>
  ((identity & 0xffff) << 16) | ((identity >> 16) & 0xff) | 0xf00

interface Attachment {
  name: string
  program: Instruction[]
  device: string
  direction: 'ingress' | 'egress'
}

async function attach(attachments: readonly Attachment[]): Promise<void> {
  // tc takes a pinned program; the filter holds it afterwards. bpffs allows no dot in a name.
  const pin = ({ name, device }: Attachment) => `/sys/fs/bpf/tc/${name}-${device}`
  await perl(attachments.map((one) => `program ${one.name} ${pin(one)} ${assemble(one.program).join(' ')}`))
  const qdiscs = [...new Set(attachments.map(({ device }) => `qdisc replace dev ${device} clsact`))]
  const filters = attachments.map(
    (one) =>
      `filter replace dev ${one.device} ${one.direction} prio 1 handle 1 bpf direct-action object-pinned ${pin(one)}`,
  )
  await run(['tc', '-batch', '-'], { stdin: `${[...qdiscs, ...filters].join('\n')}\n` })
  for (const one of attachments) await rm(pin(one), { force: true })
}

export async function attachNodePrograms(withTunnel: boolean): Promise<void> {
  const overlay: Attachment[] = [
    { name: 'cil_from_overlay', program: fromOverlay, device: 'cilium_vxlan', direction: 'ingress' },
    { name: 'cil_to_overlay', program: ok, device: 'cilium_vxlan', direction: 'egress' },
  ]
  await attach([
    { name: 'cil_to_host', program: ok, device: 'cilium_host', direction: 'ingress' },
    { name: 'cil_from_host', program: fromHost, device: 'cilium_host', direction: 'egress' },
    { name: 'cil_to_host', program: ok, device: 'cilium_net', direction: 'ingress' },
    ...(withTunnel ? overlay : []),
  ])
}

/** Also anew: when a pod's identity has become known or is another, and when the agent routes otherwise than before. */
export async function attachPodPrograms(
  pods: readonly { link: string; identity: number }[],
  withTunnel: boolean,
): Promise<void> {
  if (pods.length === 0) return
  await attach(
    pods.map(({ link, identity }) => ({
      name: 'cil_from_container',
      program: fromContainer(identity, withTunnel),
      device: link,
      direction: 'ingress',
    })),
  )
}

const addressHex = (address: string): string =>
  address
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('')

function numberHex(value: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes.toString('hex')
}

/** The sender of a frame that reaches a pod: its node itself, or anything that came through the node's stack. */
export interface PodEntry {
  address: string
  interfaceIndex: number
  podMac: string
  /** Source address of frames that the node itself sends: the pod's policy knows the identity `host` by it. */
  hostMac: string
  otherMac: string
}

export async function setPodEntries(entries: readonly PodEntry[]): Promise<void> {
  const mac = (text: string) => text.replaceAll(':', '')
  await perl(
    entries.map((entry) => {
      const frames = `${mac(entry.podMac)}${mac(entry.hostMac)}${mac(entry.podMac)}${mac(entry.otherMac)}`
      return `set cilium_lxc ${addressHex(entry.address)} ${numberHex(entry.interfaceIndex)}${frames}`
    }),
  )
}

export async function removePodEntry(address: string): Promise<void> {
  await perl([`unset cilium_lxc ${addressHex(address)}`])
}

export interface TunnelEntry {
  podCidr: string
  nodeAddress: string
}

const tunnelKey = (podCidr: string): string => {
  const [address = '', bits = ''] = podCidr.split('/')
  return `${numberHex(Number(bits))}${addressHex(address)}`
}

export async function setTunnels(
  wanted: readonly TunnelEntry[],
  gone: readonly string[],
  vxlanIndex: number,
): Promise<void> {
  await perl([
    ...gone.map((podCidr) => `unset cilium_tunnel_map ${tunnelKey(podCidr)}`),
    // The helper wants the remote address in host order.
    ...wanted.map(
      ({ podCidr, nodeAddress }) =>
        `set cilium_tunnel_map ${tunnelKey(podCidr)} ${numberHex(Buffer.from(addressHex(nodeAddress), 'hex').readUInt32BE())}${numberHex(vxlanIndex)}`,
    ),
  ])
}
