import ssh2 from 'ssh2'

/** A key that can be read: one in 400 that ssh2's generator makes lacks a leading zero and is nobody's key. */
export function keyPair(type: 'ed25519' | 'ecdsa' = 'ed25519', passphrase?: string) {
  for (;;) {
    const pair = made(type, passphrase)
    if (!(ssh2.utils.parseKey(pair.private, passphrase) instanceof Error)) return pair
  }
}

function made(type: 'ed25519' | 'ecdsa', passphrase: string | undefined) {
  if (type === 'ecdsa') return ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 })
  if (passphrase === undefined) return ssh2.utils.generateKeyPairSync('ed25519')
  return ssh2.utils.generateKeyPairSync('ed25519', { passphrase, cipher: 'aes256-ctr', rounds: 16 })
}
