import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { onEachNode } from './finding.ts'

const upgraders =
  /^(apt-daily-upgrade|dnf-automatic|dnf-automatic-install|dnf5-automatic|transactional-update|rpm-ostreed-automatic|update-engine)\./

/** Nothing upgrades systemd, the kernel or iptables in the middle of it: such an upgrade restarts networks or machines. */
export function noUpgradesMeanwhile(facts: Facts): Finding[] {
  return onEachNode(facts, 'upkeep', 'no upgrade starts by itself meanwhile', ({ units, aptInstalls }, here) => {
    const active = Object.entries(units)
      .filter(([unit, state]) => upgraders.test(unit) && state === 'active')
      .map(([unit]) => unit)
      // apt's timer is active on every Debian; whether it installs anything is a setting.
      .filter((unit) => unit !== 'apt-daily-upgrade.timer' || aptInstalls !== false)
    return active.length === 0
      ? here.fine('none is active')
      : here.warns(`${active.join(', ')} is active`, `stop it for the evening: systemctl stop ${active.join(' ')}`)
  })
}
