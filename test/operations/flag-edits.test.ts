import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { editDropIn, editUnit, editYaml } from '../../src/operations/flag-edits.ts'

const unit = `[Service]
Type=notify
ExecStart=/usr/local/bin/k3s \\
    server \\
\t'--cluster-init' \\
\t'--flannel-backend' \\
\t'vxlan' \\
\t'--disable' \\
\t'traefik' \\

[Install]
WantedBy=multi-user.target
`

describe('editUnit', () => {
  it('sets the two-line form of install.sh and leaves every other byte', () => {
    const after = editUnit(unit, { key: 'flannel-backend', value: 'none' }, 'u')
    expect(after).toBe(unit.replace("'vxlan'", "'none'"))
  })

  it.each([
    ["\t'--flannel-backend=vxlan' \\\n", "\t'--flannel-backend=none' \\\n"],
    [
      'ExecStart=/usr/local/bin/k3s server --flannel-backend=vxlan\n',
      'ExecStart=/usr/local/bin/k3s server --flannel-backend=none\n',
    ],
    [
      'ExecStart=/usr/local/bin/k3s server --flannel-backend vxlan --x\n',
      'ExecStart=/usr/local/bin/k3s server --flannel-backend none --x\n',
    ],
    [
      'ExecStart=/usr/local/bin/k3s server "--flannel-backend=vxlan"\n',
      'ExecStart=/usr/local/bin/k3s server "--flannel-backend=none"\n',
    ],
  ])('%j', (before, after) => {
    expect(editUnit(before, { key: 'flannel-backend', value: 'none' }, 'u')).toBe(after)
  })

  it('gives a bare boolean its value', () => {
    const before = "\t'--disable-network-policy' \\\n\t'--disable-network-policy-x' \\\n"
    expect(editUnit(before, { key: 'disable-network-policy', value: 'false' }, 'u')).toBe(
      "\t'--disable-network-policy=false' \\\n\t'--disable-network-policy-x' \\\n",
    )
  })

  it('refuses a unit that does not hold the flag', () => {
    expect(() => editUnit('[Service]\n', { key: 'flannel-backend', value: 'none' }, '/etc/u')).toThrow('/etc/u')
  })
})

describe('editYaml', () => {
  it('sets a value and keeps comments, quotes of the key, line ends and everything else', () => {
    const before = '# ours\r\ntls-san:\r\n  - flannel-backend: not me\r\n"flannel-backend": vxlan  # why\r\nother: 1'
    const after = editYaml(before, { key: 'flannel-backend', value: 'none' }, 'c')
    expect(after).toBe(before.replace(': vxlan', ': none'))
  })

  it.each([
    'flannel-backend+: vxlan\n',
    'flannel-backend:\n  - vxlan\n',
    'flannel-backend: [vxlan]\n',
    'flannel-backend: &a vxlan\n',
  ])('refuses to guess at %j, naming the line', (text) => {
    expect(() => editYaml(text, { key: 'flannel-backend', value: 'none' }, 'c.yaml')).toThrow('c.yaml, line 1')
  })

  it('changes that key and no other, whatever stands around it', () => {
    const line = fc.constantFrom(
      'tls-san: a',
      '# flannel-backend: x',
      'disable: [traefik]',
      '',
      'write-kubeconfig-mode: "0644"',
      'token: a#b',
    )
    fc.assert(
      fc.property(
        fc.uniqueArray(line),
        fc.uniqueArray(line),
        fc.constantFrom('vxlan', '"vxlan"', "'vxlan'", 'vx#lan'),
        (above, below, old) => {
          const unique = below.filter((one) => !above.includes(one) || one === '' || one.startsWith('#'))
          const text = [...above, `flannel-backend: ${old}`, ...unique].join('\n')
          const after = editYaml(text, { key: 'flannel-backend', value: 'none' }, 'c')
          expect(parse(after)).toEqual({ ...parse(text), 'flannel-backend': 'none' })
          expect(after).toBe([...above, 'flannel-backend: none', ...unique].join('\n'))
        },
      ),
    )
  })
})

it('the drop-in is YAML that K3s reads', () => {
  expect(
    parse(
      editDropIn('', [
        { key: 'flannel-backend', value: 'none' },
        { key: 'disable-network-policy', value: 'true' },
      ]),
    ),
  ).toEqual({
    'flannel-backend': 'none',
    'disable-network-policy': true,
  })
})

it('a drop-in that is there keeps what it says: a flag is set where it stands, another is added', () => {
  const first = editDropIn('', [{ key: 'disable-network-policy', value: 'true' }])
  const second = editDropIn(first, [
    { key: 'disable-network-policy', value: 'false' },
    { key: 'flannel-backend', value: 'none' },
  ])
  expect(parse(second)).toEqual({ 'disable-network-policy': false, 'flannel-backend': 'none' })
  expect(second.split('\n')[0]).toBe(first.split('\n')[0])
})
