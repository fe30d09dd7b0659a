import { both, cilium, eachIsTold, on } from './spoiled.ts'

eachIsTold([
  [
    'an old kernel',
    on('s1', (node) => {
      node.host.kernel = '4.19.0-27-amd64'
    }),
    'blocks',
    /5\.4\.0 is the least/,
  ],
  [
    'an old kernel for 1.18',
    both(
      cilium({ version: '1.18.6' }),
      on('s1', (node) => {
        node.host.kernel = '5.4.0-200-generic'
      }),
    ),
    'blocks',
    /5\.10\.0 is the least/,
  ],
  [
    'a processor',
    on('s1', (node) => {
      node.kernel.arch = 'armv7l'
    }),
    'blocks',
    /armv7l/,
  ],
  ['an unknown Cilium', cilium({ version: '1.21.0' }), 'unknown', /is not known here/],
  [
    'an option',
    on('s1', (node) => {
      delete node.kernel.config?.options.CGROUP_BPF
    }),
    'blocks',
    /lacks CONFIG_CGROUP_BPF/,
  ],
  [
    'a lesser option',
    on('s1', (node) => {
      delete node.kernel.config?.options.SCHEDSTATS
    }),
    'warns',
    /lacks CONFIG_SCHEDSTATS, which/,
  ],
  [
    'no configuration',
    on('s1', (node) => {
      node.kernel.config = null
    }),
    'unknown',
    /\/proc\/config\.gz/,
  ],
  [
    'modules not on the disk',
    on('s1', (node) => {
      node.kernel.missingModules = ['vxlan']
    }),
    'blocks',
    /linux-modules-extra-raspi/,
  ],
  [
    'bpffs',
    on('s1', (node) => {
      node.kernel.mounts = []
    }),
    'blocks',
    /sys-fs-bpf\.mount/,
  ],
  [
    'a later rp_filter',
    on('s1', (node) => {
      node.kernel.lateRpFilter = ['/etc/sysctl.d/zz.conf']
    }),
    'blocks',
    /zz\.conf is read after/,
  ],
  [
    'vmxnet3',
    on('s1', (node) => {
      node.kernel.drivers = { eth0: 'vmxnet3' }
    }),
    'warns',
    /vmxnet3/,
  ],
  [
    "tuned for flannel's device",
    on('s1', (node) => {
      node.upkeep.flannelTuning = ['/etc/udev/rules.d/90']
    }),
    'warns',
    /names flannel/,
  ],
])
