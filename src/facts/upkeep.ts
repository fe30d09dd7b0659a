import { z } from 'zod'
import type { Family } from './family.ts'

const units =
  'apt-daily-upgrade.timer dnf-automatic.timer dnf-automatic-install.timer dnf5-automatic.timer transactional-update.timer ' +
  'rpm-ostreed-automatic.timer update-engine.service haproxy.service keepalived.service'

/** What else on the machine restarts, reloads or owns its network while nobody looks. */
export const upkeepSchema = z.object({
  /** Active state of the units that upgrade by themselves, and of those that balance or move addresses. */
  units: z.record(z.string(), z.string()),
  /** Whether apt's timer installs upgrades and not only lists them; null: no apt here. */
  aptInstalls: z.boolean().nullable(),
  /** systemd-networkd's ManageForeign* settings, the last one of each; what is absent is "yes" (networkd.conf(5)). */
  networkd: z.record(z.string(), z.string()),
  /** Files that do something about flannel's devices at their making: offload workarounds do not carry over. */
  flannelTuning: z.array(z.string()),
})
export type UpkeepFacts = z.infer<typeof upkeepSchema>

const lines = (text: string) => text.split('\n').filter((line) => line !== '')

function unitStates(text: string): UpkeepFacts['units'] {
  const states = lines(text)
  return Object.fromEntries(units.split(' ').map((unit, index) => [unit, states[index] ?? 'unknown']))
}

function settings(text: string): UpkeepFacts['networkd'] {
  const found = [...text.matchAll(/^\s*(ManageForeign\w+)\s*=\s*(\S+)/gm)]
  return Object.fromEntries(found.map(([, key = '', value = '']) => [key, value]))
}

export const upkeepFamily: Family<UpkeepFacts> = {
  script: `
upkeep_networkd() {
  if has systemd-analyze; then systemd-analyze cat-config systemd/networkd.conf
  else cat /usr/lib/systemd/networkd.conf /etc/systemd/networkd.conf /etc/systemd/networkd.conf.d/*.conf; fi | grep ManageForeign
}
# One answer a line, in the order asked; it ends with 3 when one of them is not active.
emit upkeep.units systemctl is-active ${units}
! has apt-config || emit upkeep.apt apt-config dump APT::Periodic::Unattended-Upgrade
emit upkeep.networkd upkeep_networkd
emit upkeep.tuning grep -rlsF flannel /etc/udev/rules.d /etc/systemd/network /etc/networkd-dispatcher /etc/NetworkManager/dispatcher.d
`,
  parse(sections) {
    const said = (name: string) => sections.get(name)?.stdout.toString('utf8') ?? ''
    return {
      units: unitStates(said('upkeep.units')),
      aptInstalls: sections.get('upkeep.apt') ? /"[1-9]\d*"/.test(said('upkeep.apt')) : null,
      networkd: settings(said('upkeep.networkd')),
      flannelTuning: lines(said('upkeep.tuning')),
    }
  },
}
