import { writeFileSync } from 'node:fs'
import { z } from 'zod'
import { inventorySchema } from './schema.ts'

/** inventory/schema.json: what editors use to complete and check an inventory while it is written. */
export function jsonSchemaText(): string {
  const schema = z.toJSONSchema(inventorySchema, { io: 'input' })
  return `${JSON.stringify({ title: 'Inventory of migrate', ...schema }, null, 2)}\n`
}

if (import.meta.main) writeFileSync(new URL('../../inventory/schema.json', import.meta.url), jsonSchemaText())
