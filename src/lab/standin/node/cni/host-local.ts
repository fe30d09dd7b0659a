import { mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import ipaddr from 'ipaddr.js'
import { readIfThere } from '../files.ts'

const leaseFolder = '/var/lib/cni/networks'

/** Addresses of a subnet that may be handed out: not the base, the gateway (.1) or the broadcast. */
function range(subnet: string): { first: number; last: number; prefix: number } {
  const [address, prefix] = ipaddr.IPv4.parseCIDR(subnet)
  const base = toNumber(address.toString())
  const size = 2 ** (32 - prefix)
  return { first: base + 2, last: base + size - 2, prefix }
}

function toNumber(address: string): number {
  return ipaddr.IPv4.parse(address).octets.reduce((sum, octet) => sum * 256 + octet, 0)
}

function toAddress(number: number): string {
  return [24, 16, 8, 0].map((bits) => Math.floor(number / 2 ** bits) % 256).join('.')
}

/** Leases the next free address after the last one given, as host-local does; returns it with the prefix length. */
export async function lease(network: string, subnet: string, containerId: string, ifName: string): Promise<string> {
  const folder = join(leaseFolder, network)
  await mkdir(folder, { recursive: true })
  await (await open(join(folder, 'lock'), 'a', 0o750)).close()
  const { first, last, prefix } = range(subnet)
  const taken = new Set(await readdir(folder))
  const lastGiven = await readIfThere(join(folder, 'last_reserved_ip.0'))
  const size = last - first + 1
  const after = lastGiven === null ? 0 : toNumber(lastGiven.trim()) - first + 1
  for (let offset = 0; offset < size; offset++) {
    const address = toAddress(first + ((((after + offset) % size) + size) % size))
    if (taken.has(address)) continue
    await writeFile(join(folder, address), `${containerId}\r\n${ifName}`, { flag: 'wx' })
    await writeFile(join(folder, 'last_reserved_ip.0'), address)
    return `${address}/${prefix}`
  }
  throw new Error(
    `failed to allocate for range 0: no IP addresses available in range set: ${toAddress(first - 1)}-${toAddress(last)}`,
  )
}

export async function release(network: string, containerId: string, ifName: string): Promise<void> {
  const folder = join(leaseFolder, network)
  for (const name of await readdir(folder).catch(() => [])) {
    if (!ipaddr.IPv4.isValidFourPartDecimal(name)) continue
    const path = join(folder, name)
    const holder = (await readFile(path, 'utf8')).split(/\r?\n/)
    if (holder[0] === containerId && holder[1] === ifName) await rm(path)
  }
}
