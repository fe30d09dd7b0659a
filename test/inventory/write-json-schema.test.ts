import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { jsonSchemaText } from '../../src/inventory/write-json-schema.ts'

test('inventory/schema.json is what the schema says (npm run schema)', () => {
  expect(readFileSync(new URL('../../inventory/schema.json', import.meta.url), 'utf8')).toBe(jsonSchemaText())
})
