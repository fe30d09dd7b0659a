import { expect, test } from 'vitest'
import { upkeepFamily } from '../../src/facts/upkeep.ts'
import { about, answered } from './sections.ts'

test('states in the order asked, settings without the comments', () => {
  const states = ['active', ...Array.from({ length: 7 }, () => 'inactive'), 'active'].join('\n')
  const facts = upkeepFamily.parse(
    answered({
      'upkeep.units': { code: 3, text: states },
      'upkeep.apt': 'APT::Periodic::Unattended-Upgrade "1";\n',
      'upkeep.networkd': '#ManageForeignRoutes=yes\nManageForeignRoutingPolicyRules=no\n',
      'upkeep.tuning': { code: 0, text: '/etc/udev/rules.d/90-flannel.rules\n' },
    }),
    about,
  )
  expect(facts.units).toMatchObject({
    'apt-daily-upgrade.timer': 'active',
    'haproxy.service': 'inactive',
    'keepalived.service': 'active',
  })
  expect(facts).toMatchObject({
    aptInstalls: true,
    networkd: { ManageForeignRoutingPolicyRules: 'no' },
    flannelTuning: ['/etc/udev/rules.d/90-flannel.rules'],
  })
})

test('no apt, and apt that only lists', () => {
  expect(upkeepFamily.parse(answered({}), about)).toMatchObject({ aptInstalls: null, networkd: {}, flannelTuning: [] })
  const off = answered({ 'upkeep.apt': 'APT::Periodic::Unattended-Upgrade "0";\n' })
  expect(upkeepFamily.parse(off, about).aptInstalls).toBe(false)
})
