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
  [
    'a K3s that a run left stopped',
    on('a1', (node) => Object.assign(node.unit, { activeState: 'failed', mainPid: 0 })),
    'blocks',
    /k3s-agent is failed/,
  ],
  ['a learner', on('s1', (node) => Object.assign(node.etcd ?? {}, { isLearner: true })), 'blocks', /learner/],
])
