import ipaddr from 'ipaddr.js'

/** To parse is what costs: the same few thousand addresses are asked for in the same few hundred ranges over and over. */
function remembered<T>(parse: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return (text) => {
    const found = known.get(text)
    if (found !== undefined) return found
    const parsed = parse(text)
    known.set(text, parsed)
    return parsed
  }
}

const addressOf = remembered((text) => (ipaddr.isValid(text) ? ipaddr.process(text) : null))
const networkOf = remembered((text) => (ipaddr.isValidCIDR(text) ? ipaddr.parseCIDR(text) : null))

/** Whether an address lies in a network (`10.42.0.0/16`); false where either is none. */
export function inNetwork(address: string | null, cidr: string): boolean {
  const parsed = address === null ? null : addressOf(address)
  const network = networkOf(cidr)
  return parsed !== null && network !== null && parsed.kind() === network[0].kind() && parsed.match(network)
}
