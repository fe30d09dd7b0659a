const mask = '***'

/**
 * Secrets that are known by their shape wherever they come from: K3s' tokens (k3s-kube-router.md §9), `token:` and its
 * like in YAML, env files and arguments, private keys, and kubeconfig's key data.
 */
const patterns: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----[\s\S]*?(-----END \1-----|$)/g, `-----BEGIN $1----- ${mask}`],
  [/\bK10[0-9a-fA-F]{8,}(::[A-Za-z0-9_-]+:\S+)?/g, mask],
  [/\b(client-key-data["']?\s*:\s*["']?)[A-Za-z0-9+/=]+/g, `$1${mask}`],
  [/((?:token|password|passwd|secret)["']?(?:\s*[=:]\s*|\s+(?=K10))["']?)(?!\*\*\*)[^\s"',;}]+/gi, `$1${mask}`],
  [/\b(Bearer\s+)[A-Za-z0-9._~+/=-]{8,}/g, `$1${mask}`],
]

export function maskKnownPatterns(text: string): string {
  return patterns.reduce((masked, [pattern, replacement]) => masked.replace(pattern, replacement), text)
}

/** Masks what is secret in text for logs and messages. Best effort: what should not be logged is not printed at all. */
export interface Redactor {
  /** To be called before the secret's first use. Also masks its base64, JSON and shell-quoted forms. */
  add(secret: string): void
  /** Takes the whole text: cut after masking, never before, or half a secret is left at the edge. */
  mask(text: string): string
}

export function createRedactor(): Redactor {
  const secrets = new Set<string>()
  return {
    add(secret) {
      if (secret === '') return
      secrets.add(secret)
      secrets.add(Buffer.from(secret).toString('base64'))
      secrets.add(JSON.stringify(secret).slice(1, -1))
      secrets.add(secret.replaceAll("'", `'\\''`))
    },
    mask(text) {
      // Longest first, or a secret that is part of another one would leave the rest of that readable.
      const known = [...secrets].sort((a, b) => b.length - a.length)
      return maskKnownPatterns(known.reduce((masked, secret) => masked.replaceAll(secret, mask), text))
    },
  }
}
