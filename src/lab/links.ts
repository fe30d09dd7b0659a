import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { must, run } from './host.ts'
import { isNamespaceOf, namespaceOf, network, places } from './layout.ts'

const namespaces = '/run/netns'
/** Says that `ip netns` found no /run/netns here, so that the last lab takes it away again. */
const marker = `${places.state}/.made-run-netns`

async function addNamespace(name: string): Promise<void> {
  if (!existsSync(namespaces)) writeFileSync(marker, '')
  await must(['ip', 'netns', 'add', name])
  await must(['ip', '-n', name, 'link', 'set', 'lo', 'up'])
}

/** Makes the lab's bridge, in a namespace of its own, and the operator's side. Nothing of it is in the host's namespace. */
export async function makeNetwork(lab: string): Promise<void> {
  const bridge = namespaceOf(lab, 'bridge')
  await addNamespace(bridge)
  const gateway = `${network.gateway}/${network.prefixLength}`
  await must(['ip', '-n', bridge, 'link', 'add', 'br0', 'type', 'bridge', 'stp_state', '0', 'forward_delay', '0'])
  await must(['ip', '-n', bridge, 'address', 'add', gateway, 'dev', 'br0'])
  await must(['ip', '-n', bridge, 'link', 'set', 'br0', 'up'])
  // The way out leads nowhere, and says so at once: what a node asks of the internet fails instead of hanging.
  await must(['ip', '-n', bridge, 'route', 'add', 'unreachable', 'default'])
  await must(['ip', 'netns', 'exec', bridge, 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=1'])
  // Frames between nodes are not this namespace's iptables' business.
  const calls = ['iptables', 'ip6tables', 'arptables'].map((table) => `net.bridge.bridge-nf-call-${table}=0`)
  await must(['ip', 'netns', 'exec', bridge, 'sysctl', '-q', '-w', ...calls])
  await plug(lab, 'operator', network.operator)
}

/** Makes the namespace of a node and plugs it into the lab's bridge; eth0 has the address and is up afterwards. */
export async function plug(lab: string, node: string, address: string): Promise<void> {
  const bridge = namespaceOf(lab, 'bridge')
  const own = namespaceOf(lab, node)
  await addNamespace(own)
  // A machine has the same MAC address after a power failure: its neighbours go on using what they know.
  const mac = ['02', '00', ...address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'))].join(':')
  const peer = ['peer', 'name', node, 'netns', bridge]
  await must(['ip', '-n', own, 'link', 'add', 'eth0', 'address', mac, 'type', 'veth', ...peer])
  await must(['ip', '-n', bridge, 'link', 'set', node, 'master', 'br0', 'up'])
  await must(['ip', '-n', own, 'address', 'add', `${address}/${network.prefixLength}`, 'dev', 'eth0'])
  await must(['ip', '-n', own, 'link', 'set', 'eth0', 'up'])
  await must(['ip', '-n', own, 'route', 'add', 'default', 'via', network.gateway])
}

/** Takes the namespace of a node away with all links, routes and rules in it, as a power failure does. */
export async function unplug(lab: string, node: string): Promise<void> {
  // The kernel takes a dead namespace apart later; the plug must be out of the bridge now, for the next one.
  await run(['ip', '-n', namespaceOf(lab, 'bridge'), 'link', 'delete', node])
  if (existsSync(`${namespaces}/${namespaceOf(lab, node)}`)) {
    await must(['ip', 'netns', 'delete', namespaceOf(lab, node)])
  }
}

export function namespacesOf(lab: string): string[] {
  return existsSync(namespaces) ? readdirSync(namespaces).filter((name) => isNamespaceOf(lab, name)) : []
}

/** Deletes all namespaces of the lab; of the last lab, also the folder that `ip netns` had made for them. */
export async function removeNetwork(lab: string): Promise<void> {
  for (const name of namespacesOf(lab)) await must(['ip', 'netns', 'delete', name])
  if (existsSync(marker) && readdirSync(namespaces).length === 0) {
    if (isMounted(namespaces)) await must(['umount', namespaces])
    rmdirSync(namespaces)
    rmSync(marker)
  }
}

function isMounted(path: string): boolean {
  return readFileSync('/proc/self/mounts', 'utf8').includes(` ${path} `)
}
