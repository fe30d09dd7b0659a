import { isUtf8 } from 'node:buffer'

/** One well-formed sequence of UTF-8 (Unicode, table 3-7), or one byte that belongs to none; over bytes read as Latin-1. */
const sequence =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g

/**
 * What a node said, as text that keeps every byte: UTF-8, and a byte that is none (a comment in Latin-1) becomes the half
 * surrogate U+DC00 + byte, which no UTF-8 decodes to (PEP 383). JSON keeps it; `bytesOf` gives the byte back.
 */
export function textOf(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (isUtf8(buffer)) return buffer.toString('utf8')
  return buffer
    .toString('latin1')
    .replace(sequence, (found) =>
      found.length === 1
        ? String.fromCharCode(0xdc00 + found.charCodeAt(0))
        : Buffer.from(found, 'latin1').toString('utf8'),
    )
}

/** The bytes that `textOf` read. */
export function bytesOf(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text)
  // With `u`, a half that has its other half is no match.
  const parts = text.split(/([\udc80-\udcff])/u)
  return Buffer.concat(
    parts.map((part, index) => (index % 2 === 0 ? Buffer.from(part) : Buffer.of(part.charCodeAt(0) & 0xff))),
  )
}
