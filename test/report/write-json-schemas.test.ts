import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { jsonSchemas } from '../../src/report/write-json-schemas.ts'

test.each(jsonSchemas())('schema/%s is what the schema says (npm run schema)', (file, text) => {
  expect(readFileSync(new URL(`../../schema/${file}`, import.meta.url), 'utf8')).toBe(text)
})
