const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** The first `length` digits of the base32 of some bytes (RFC 4648): how kube-proxy and kube-router name their chains. */
export function base32(bytes: Buffer, length: number): string {
  let digits = ''
  let buffer = 0
  let bits = 0
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xffff
    bits += 8
    while (bits >= 5 && digits.length < length) {
      bits -= 5
      digits += alphabet[(buffer >> bits) & 31]
    }
  }
  return digits
}
