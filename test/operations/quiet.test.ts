import { expect, it } from 'vitest'
import { CLUSTER } from '../../src/engine/model.ts'
import { quiet } from '../../src/operations/quiet.ts'
import { someFacts } from './some-facts.ts'

it('suspends what runs, and later resumes exactly that', () => {
  const facts = someFacts()
  const suspend = quiet.diff(facts, CLUSTER, { suspend: true })
  expect(suspend?.items.map((item) => item.name)).toEqual(['report'])
  if (!suspend) throw new Error('no change')
  const suspended = quiet.predict(facts, CLUSTER, suspend)
  expect(quiet.diff(suspended, CLUSTER, { suspend: true })).toBeNull()
  const resume = quiet.diff(suspended, CLUSTER, { suspend: false })
  expect(resume?.items.map((item) => item.name)).toEqual(['report'])
  if (!resume) throw new Error('no change')
  expect(quiet.predict(suspended, CLUSTER, resume)).toEqual(facts)
})
