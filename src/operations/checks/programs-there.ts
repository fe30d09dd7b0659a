import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { about } from './finding.ts'

const needed = ['bash', 'ip', 'tc', 'ipset', 'nsenter', 'systemd-run', 'systemctl', 'timeout', 'sha256sum', 'base64']

/** The few programs that are used on the nodes. */
export function programsThere(facts: Facts): Finding[] {
  return Object.values(facts.nodes).map(({ name, host }) => {
    const here = about('the programs that are used are there', name)
    const missing = needed.filter((command) => host.commands[command] === false)
    return missing.length > 0
      ? here.blocks(`missing: ${missing.join(', ')}`, 'install them')
      : here.fine(needed.join(', '))
  })
}
