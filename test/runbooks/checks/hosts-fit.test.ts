import { eachIsTold, on } from './spoiled.ts'

eachIsTold([
  [
    'clocks',
    on('s1', (node) => {
      node.host.clockOffsetMs = 5000
    }),
    'blocks',
    /let them synchronise/,
  ],
  [
    'a full disk',
    on('a1', (node) => {
      node.host.disks = [{ path: '/', freeBytes: 10, totalBytes: 20 }]
    }),
    'blocks',
    /make room/,
  ],
  [
    'no room for the snapshot',
    on('s3', (node) => Object.assign(node.etcd ?? {}, { dbSizeBytes: 15 * 1024 ** 3 })),
    'blocks',
    /31744 are wanted for snapshot/,
  ],
  [
    'a name that does not resolve',
    on('s1', (node) => {
      node.host.resolves = { s2: null }
    }),
    'warns',
    /s2 does not resolve/,
  ],
  [
    'ipset missing',
    on('s1', (node) => {
      node.host.commands.ipset = false
    }),
    'blocks',
    /missing: ipset/,
  ],
])
