import { readFile } from 'node:fs/promises'
import { writeDurably } from '../engine/durable-file.ts'
import { InputError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { parseFacts } from '../facts/parse-facts.ts'
import type { Inventory } from '../inventory/schema.ts'
import { parseJson } from '../nesting.ts'

/** Keeps facts for planning without the cluster. 0600: they name everything that runs there. */
export async function saveFacts(path: string, facts: Facts): Promise<void> {
  await writeDurably(path, `${JSON.stringify(facts, null, 2)}\n`)
}

/** @throws InputError naming the file, the key and what was expected */
export async function loadFacts(path: string, inventory: Inventory): Promise<Facts> {
  const again = { next: `migrate plan --save-facts ${path} writes one.` }
  let value: unknown
  try {
    value = parseJson(await readFile(path, 'utf8'))
  } catch (cause) {
    throw new InputError(
      `${path} is no facts file: ${cause instanceof Error ? cause.message : String(cause)}`,
      again,
      cause,
    )
  }
  const facts = parseFacts(value, path, again.next)
  if (facts.cluster !== inventory.cluster.name) {
    throw new InputError(
      `${path} is about the cluster ${facts.cluster}; the inventory is of ${inventory.cluster.name}`,
      again,
    )
  }
  return facts
}
