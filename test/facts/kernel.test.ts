import { expect, test } from 'vitest'
import { kernelFamily } from '../../src/facts/kernel.ts'
import { about, answered } from './sections.ts'

const said = {
  'kernel.arch': 'x86_64\n',
  'kernel.config': '/boot/config-6.1.0-31-amd64\nCONFIG_BPF=y\nCONFIG_VXLAN=m\n',
  'kernel.modules': 'xt_socket\n',
  'kernel.filesystems': 'cgroup2\nbpf\n',
  'kernel.mounts': 'cgroup2 /sys/fs/cgroup\nbpf /sys/fs/bpf\n',
  'kernel.sysctls': 'net.ipv4.conf.all.rp_filter 2\n',
  'kernel.late': { code: 0, text: '/etc/sysctl.d/zz.conf\n' },
  'kernel.writable': '',
  'kernel.drivers': 'eth0 vmxnet3\n',
}

test('what the commands said', () => {
  expect(kernelFamily.parse(answered(said), about)).toEqual({
    arch: 'x86_64',
    config: { file: '/boot/config-6.1.0-31-amd64', options: { BPF: 'y', VXLAN: 'm' } },
    missingModules: ['xt_socket'],
    filesystems: ['cgroup2', 'bpf'],
    mounts: [
      { type: 'cgroup2', path: '/sys/fs/cgroup' },
      { type: 'bpf', path: '/sys/fs/bpf' },
    ],
    sysctls: { 'net.ipv4.conf.all.rp_filter': '2' },
    lateRpFilter: ['/etc/sysctl.d/zz.conf'],
    sysctlWritable: true,
    drivers: { eth0: 'vmxnet3' },
  })
})

test('a configuration that is nowhere is no empty configuration', () => {
  const without = { ...said, 'kernel.config': '\n', 'kernel.late': { code: 1 }, 'kernel.writable': { code: 1 } }
  expect(kernelFamily.parse(answered(without), about)).toMatchObject({
    config: null,
    lateRpFilter: [],
    sysctlWritable: false,
  })
})
