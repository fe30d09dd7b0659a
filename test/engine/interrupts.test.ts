import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { processInterrupts } from '../../src/engine/interrupts.ts'

test('the first signal asks to stop, the second to let go; afterwards signals are nobody’s', () => {
  const source = new EventEmitter<{ SIGINT: []; SIGTERM: [] }>()
  {
    using interrupts = processInterrupts(source)
    expect([interrupts.stop.aborted, interrupts.abort.aborted]).toEqual([false, false])
    source.emit('SIGINT')
    expect([interrupts.stop.aborted, interrupts.abort.aborted]).toEqual([true, false])
    source.emit('SIGTERM')
    expect([interrupts.stop.aborted, interrupts.abort.aborted]).toEqual([true, true])
  }
  expect(source.listenerCount('SIGINT') + source.listenerCount('SIGTERM')).toBe(0)
})
