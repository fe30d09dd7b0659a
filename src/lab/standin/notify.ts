import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/**
 * Tells systemd that the unit is up. systemd-notify sends in the name of its parent when it may (root): the unit's
 * NotifyAccess=main is satisfied, as the parent is this process. https://www.freedesktop.org/software/systemd/man/systemd-notify
 */
export async function notifyReady(): Promise<void> {
  if (process.env.NOTIFY_SOCKET === undefined) return
  await promisify(execFile)('systemd-notify', ['--ready'])
}
