import fc from 'fast-check'
import { test } from 'vitest'

/** How many of a thousand cases each property gets: the more there is behind it, the more. */
const shares = {
  'inventory: values': 150,
  'inventory: text': 150,
  'plan files: bytes': 30,
  'plan files: contents': 60,
  'facts files: contents': 120,
  'journals: bytes': 70,
  'journals: records': 30,
  'kubeconfigs: contents': 40,
  'rule sets: comments': 100,
  'rule sets: text': 80,
  'node answers: text': 60,
  'API objects: contents': 60,
  'API objects: what hangs': 30,
  'printed: everything': 30,
}

const all = Number(process.env.HOSTILE_CASES ?? 1000)

/** One property about hostile input, with its share of all cases (HOSTILE_CASES, else 1000). */
export function hostile<T>(
  name: keyof typeof shares,
  input: fc.Arbitrary<T>,
  judge: (input: T) => void | Promise<void>,
) {
  const total = Object.values(shares).reduce((sum, share) => sum + share, 0)
  const numRuns = Math.ceil((all * shares[name]) / total)
  const timeoutMs = 30_000 + numRuns * 100
  test(`${name} (${numRuns} cases)`, { timeout: timeoutMs }, () =>
    fc.assert(
      fc.asyncProperty(input, async (one) => {
        await judge(one)
      }),
      { numRuns },
    ),
  )
}
