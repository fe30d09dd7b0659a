/** Writes one line to stderr (the journal) in the form of K3s' own logger. */
export function log(level: 'info' | 'warning' | 'error' | 'fatal', message: string): void {
  process.stderr.write(`time="${nanoseconds(new Date())}" level=${level} msg=${JSON.stringify(message)}\n`)
}

/** Writes one line in klog's form, as the Kubernetes parts inside K3s do. */
export function klog(severity: 'I' | 'E' | 'F', source: string, message: string): void {
  const at = new Date().toISOString()
  const stamp = `${at.slice(5, 7)}${at.slice(8, 10)} ${at.slice(11, 23)}000`
  process.stderr.write(`${severity}${stamp} ${String(process.pid).padStart(7)} ${source}] ${message}\n`)
}

function nanoseconds(time: Date): string {
  return time.toISOString().replace('Z', '000000Z')
}

/** The K3s process' end on an error it cannot live with: one fatal line, exit 1, so that the unit ends `failed`. */
export function fatal(message: string): never {
  log('fatal', message)
  process.exit(1)
}
