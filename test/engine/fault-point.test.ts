import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

const file = new URL('../../src/engine/fault-point.ts', import.meta.url).href
const program = `
  const { faultPoint } = await import(${JSON.stringify(file)})
  for (const step of ['one', 'two', 'two']) { faultPoint('task.beforeApply', step); console.log(step) }
`

test.each([
  ['', ['one', 'two', 'two'], null],
  ['task.beforeApply', [], 'SIGKILL'],
  ['task.beforeApply:2', ['one'], 'SIGKILL'],
  ['task.beforeApply:two', ['one'], 'SIGKILL'],
  ['task.beforeApply:two:2', ['one', 'two'], 'SIGKILL'],
  ['task.beforeApply:three', ['one', 'two', 'two'], null],
])('MIGRATE_FAULT_POINT=%s', (setting, printed, signal) => {
  const env = { ...process.env, MIGRATE_FAULT_POINT: setting }
  const end = spawnSync(process.execPath, ['--input-type=module', '-e', program], { env, encoding: 'utf8' })
  expect(end.stdout.split('\n').filter(Boolean)).toEqual(printed)
  expect(end.signal).toBe(signal)
})
