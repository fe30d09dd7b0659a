import { DefaultRenderer, Listr, ListrLogger, type ListrTaskWrapper, ProcessOutput } from 'listr2'
import { visible } from '../visible.ts'
import { duration } from './duration.ts'
import type { Now } from './renderer.ts'

type Wrapper = Pick<
  ListrTaskWrapper<unknown, typeof DefaultRenderer, typeof DefaultRenderer>,
  'title' | 'output' | 'skip'
>

/** Listr2's renderer, made to let go of the screen and take it again. */
class PausableRenderer extends DefaultRenderer {
  /** Whether redrawing is wanted was decided before; listr2 would ask process.stdout. */
  static override nonTTY = true

  #state: 'drawing' | 'paused' | 'ended' | 'ended while paused' = 'drawing'
  #drawn: Promise<void> = Promise.resolve()

  override render(): Promise<void> {
    this.#drawn = super.render()
    return this.#drawn
  }

  async pause(): Promise<void> {
    // Listr2 loads what it draws with at the first picture; before that there is nothing to take away.
    await this.#drawn
    if (this.#state !== 'drawing') return
    super.end()
    this.#state = 'paused'
  }

  async continue(): Promise<void> {
    if (this.#state !== 'paused' && this.#state !== 'ended while paused') return
    const wasEnded = this.#state === 'ended while paused'
    await this.render()
    this.#state = 'drawing'
    if (wasEnded) this.end()
  }

  override end(): void {
    if (this.#state === 'paused') this.#state = 'ended while paused'
    if (this.#state !== 'drawing') return
    super.end()
    this.#state = 'ended'
  }
}

/** One line of the display: a target of a step. The engine moves it; listr2 draws it. */
interface Row {
  text: string
  startedMs: number | null
  timeoutMs: number | null
  message: string
  wrapper: Wrapper | null
  hasEnded: boolean
  outcome: PromiseWithResolvers<void>
}

/** One step on the screen: drawn by listr2, which runs nothing; its tasks only wait to be told how the real ones ended. */
export class StepDisplay {
  readonly #title: string
  readonly #rows: ReadonlyMap<string, Row>
  readonly #parallel: boolean
  readonly #stream: NodeJS.WriteStream
  readonly #now: Now
  readonly #renderers: PausableRenderer[] = []
  #done: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(title: string, targets: readonly string[], parallel: boolean, stream: NodeJS.WriteStream, now: Now) {
    this.#title = title
    this.#rows = new Map(targets.map((target) => [target, newRow(target)]))
    this.#parallel = parallel
    this.#stream = stream
    this.#now = now
  }

  /** Takes the screen. Not before the last display let go of it: listr2 keeps the stream's `write` as it finds it here. */
  begin(): void {
    const renderers = this.#renderers
    class Captured extends PausableRenderer {
      constructor(...args: ConstructorParameters<typeof DefaultRenderer>) {
        super(...args)
        renderers.push(this)
      }
    }
    const rows = [...this.#rows.values()].map((row) => ({
      title: row.text,
      task: (_context: unknown, wrapper: Wrapper) => this.#attach(row, wrapper),
    }))
    const list = new Listr<unknown, typeof DefaultRenderer, typeof DefaultRenderer>(
      [
        {
          title: this.#title,
          task: (_context, step) => step.newListr(rows, { concurrent: this.#parallel, exitOnError: false }),
        },
      ],
      {
        renderer: Captured,
        // The engine owns Ctrl-C; listr2's own listener would end the process at once.
        registerSignalListeners: false,
        exitOnError: false,
        rendererOptions: {
          collapseSubtasks: false,
          collapseErrors: false,
          logger: new ListrLogger({
            useIcons: true,
            toStderr: [],
            processOutput: new ProcessOutput(this.#stream, process.stderr),
          }),
        },
      },
    )
    this.#done = list.run()
  }

  async #attach(row: Row, wrapper: Wrapper): Promise<void> {
    row.wrapper = wrapper
    wrapper.title = row.text
    if (this.#closed && !row.hasEnded) wrapper.skip(`${row.text}: not begun`)
    this.#draw(row)
    await row.outcome.promise
  }

  #draw(row: Row): void {
    if (row.wrapper === null || row.hasEnded) return
    const elapsed = row.startedMs === null ? null : duration(Math.floor((this.#now() - row.startedMs) / 1000) * 1000)
    const limit = row.timeoutMs === null ? '' : ` of at most ${duration(row.timeoutMs)}`
    row.wrapper.title = elapsed === null || elapsed === '0 ms' ? row.text : `${row.text} (${elapsed}${limit})`
    if (row.message !== '') row.wrapper.output = row.message
  }

  started(target: string, text: string, timeoutMs: number): void {
    const row = this.#rows.get(target)
    if (row === undefined) return
    Object.assign(row, { text, timeoutMs, startedMs: this.#now() })
    this.#draw(row)
  }

  said(target: string, message: string): void {
    const row = this.#rows.get(target)
    if (row === undefined) return
    row.message = message
    row.startedMs ??= this.#now()
    this.#draw(row)
  }

  ended(target: string, text: string, failed: boolean): void {
    const row = this.#rows.get(target)
    if (row === undefined) return
    row.text = text
    row.hasEnded = true
    if (row.wrapper !== null) row.wrapper.title = text
    if (failed) row.outcome.reject(new Error(text))
    else row.outcome.resolve()
  }

  tick(): void {
    for (const row of this.#rows.values()) this.#draw(row)
  }

  async pause(): Promise<void> {
    for (const renderer of this.#renderers) await renderer.pause()
  }

  async continue(): Promise<void> {
    for (const renderer of this.#renderers) await renderer.continue()
  }

  /** Leaves the last picture on the screen; rows nothing was heard of are marked so. */
  async close(): Promise<void> {
    this.#closed = true
    for (const row of this.#rows.values()) row.outcome.resolve()
    await this.#done
  }
}

/** Steps without targets have one row, named by their kind. */
const lookingAt: Readonly<Record<string, string>> = { gate: 'checking', record: 'reading' }

function newRow(target: string): Row {
  const row = {
    text: lookingAt[target] ?? visible(target),
    startedMs: null,
    timeoutMs: null,
    message: '',
    wrapper: null,
    hasEnded: false,
    outcome: Promise.withResolvers<void>(),
  }
  // A row may fail before listr2 asks for it; that is no unhandled rejection.
  row.outcome.promise.catch(() => {})
  return row
}
