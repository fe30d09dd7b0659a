export type Log = (level: 'info' | 'warning' | 'error', message: string, fields?: Record<string, unknown>) => void

/** Lines of Cilium's logger (logrus, text): `level=info msg="…" subsys=…`. */
export function logger(subsystem: string): Log {
  return (level, message, fields = {}) => {
    const rest = Object.entries<unknown>({ ...fields, subsys: subsystem }).map(([key, value]) => {
      const text = value instanceof Error ? value.message : String(value)
      return `${key}=${/^[\w./:-]+$/.test(text) ? text : JSON.stringify(text)}`
    })
    process.stderr.write(`level=${level} msg=${JSON.stringify(message)} ${rest.join(' ')}\n`)
  }
}
