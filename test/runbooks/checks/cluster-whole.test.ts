import { eachIsTold, on } from './spoiled.ts'

eachIsTold([
  ['a slow disk', on('s1', (node) => Object.assign(node.etcd ?? {}, { walFsyncP99Ms: 45 })), 'warns', /up to 45 ms/],
  [
    'a hopeless disk',
    on('s1', (node) => Object.assign(node.etcd ?? {}, { walFsyncP99Ms: 900 })),
    'blocks',
    /up to 900 ms/,
  ],
  [
    'a disk nobody measured',
    on('s1', (node) => Object.assign(node.etcd ?? {}, { walFsyncP99Ms: null })),
    'unknown',
    /does not say/,
  ],
  ['a learner', on('s1', (node) => Object.assign(node.etcd ?? {}, { isLearner: true })), 'blocks', /learner/],
])
