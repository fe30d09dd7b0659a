/** At most `limit` things at once; the rest wait in the order in which they came. */
export class Limiter {
  private free: number
  private readonly waiting: (() => void)[] = []

  constructor(limit: number) {
    this.free = limit
  }

  /** Resolves to a function that gives the place back (once; calling it again does nothing), or to null after `timeoutMs`. */
  async take(timeoutMs: number): Promise<(() => void) | null> {
    if (this.free > 0) {
      this.free--
      return this.ticket()
    }
    return new Promise((resolve) => {
      const turn = () => {
        clearTimeout(timer)
        resolve(this.ticket())
      }
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(turn), 1)
        resolve(null)
      }, timeoutMs)
      this.waiting.push(turn)
    })
  }

  private ticket(): () => void {
    let given = false
    return () => {
      if (given) return
      given = true
      const next = this.waiting.shift()
      if (next) next()
      else this.free++
    }
  }
}
