import ipaddr from 'ipaddr.js'

const toNumber = (address: string): number =>
  ipaddr.IPv4.parse(address).octets.reduce((sum, octet) => sum * 256 + octet, 0)

const toText = (number: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.')

/** First address and number of addresses of an IPv4 range. */
export function range(cidr: string): { first: number; size: number } {
  const [address, bits] = ipaddr.IPv4.parseCIDR(cidr)
  const size = 2 ** (32 - bits)
  return { first: Math.floor(toNumber(address.toString()) / size) * size, size }
}

export function contains(cidr: string, address: string): boolean {
  const { first, size } = range(cidr)
  const number = toNumber(address)
  return number >= first && number < first + size
}

/** An address of the range that nobody holds, at random as Cilium's own allocator does it; null when it is full. */
export function freeAddress(
  cidr: string,
  taken: ReadonlySet<string>,
  random: () => number = Math.random,
): string | null {
  const { first, size } = range(cidr)
  const usable = size - 2
  const start = Math.floor(random() * usable)
  for (let step = 0; step < usable; step++) {
    const address = toText(first + 1 + ((start + step) % usable))
    if (!taken.has(address)) return address
  }
  return null
}

/** The first block of `maskSize` bits in the pools that no node holds; null when the pools are used up. */
export function freeBlock(pools: readonly string[], maskSize: number, taken: readonly string[]): string | null {
  const blockSize = 2 ** (32 - maskSize)
  const held = taken.map(range)
  for (const pool of pools) {
    const { first, size } = range(pool)
    for (let start = first; start + blockSize <= first + size; start += blockSize) {
      if (!held.some((other) => start < other.first + other.size && other.first < start + blockSize)) {
        return `${toText(start)}/${maskSize}`
      }
    }
  }
  return null
}
