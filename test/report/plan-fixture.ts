import type { Plan } from '../../src/engine/model.ts'

const chains = Array.from({ length: 60 }, (_, n) => `:KUBE-POD-FW-${String(n).padStart(16, 'A')} - [0:0]`)
const rules = Array.from(
  { length: 300 },
  (_, n) => `-A KUBE-POD-FW-${String(n % 60).padStart(16, 'A')} -j KUBE-NWPLCY-${n}`,
)
const foreign = ['-A INPUT -s 192.0.2.7/32 -j DROP', '-A FORWARD -j DOCKER-USER']
const filterBefore = ['*filter', ':INPUT ACCEPT [0:0]', ...chains, ...foreign, ...rules, 'COMMIT', ''].join('\n')
const filterAfter = ['*filter', ':INPUT ACCEPT [0:0]', ...foreign, 'COMMIT', ''].join('\n')

/** A small plan of the staged order, as a planner would write it; one title holds what a hostile node might send. */
export const planFixture: Plan = {
  format: 1,
  id: '20261121-2200-4f3a',
  createdAt: '2026-11-21T22:00:03.000Z',
  toolVersion: '0.1.0',
  cluster: 'home',
  runbook: 'k3s-flannel-to-cilium',
  params: { order: 'staged', tunnelPort: 8473 },
  inventoryDigest: '496cda497cdf1a9a75bb2f62e6ee783d20d00de60f21fb2fac3e2873b590bb9f',
  factsDigest: 'aa6cda497cdf1a9a75bb2f62e6ee783d20d00de60f21fb2fac3e2873b590bbaa',
  changesDigest: 'bb6cda497cdf1a9a75bb2f62e6ee783d20d00de60f21fb2fac3e2873b590bbbb',
  findings: [
    { level: 'fine', title: 'etcd', detail: '3 of 3 members vote' },
    {
      level: 'warns',
      title: 'Disk',
      target: 's2',
      detail: 'wal fsync p99 is 42 ms; etcd wants less than 10 ms',
      fix: 'look for other writers on this disk before you go on',
    },
    { level: 'fine', title: 'Nodes', detail: '4 of 4 Ready, the oldest heartbeat is 6 s old' },
  ],
  steps: [
    {
      phaseId: 'checks',
      phaseTitle: 'Checks that block',
      stepId: 'check-etcd',
      title: 'Every etcd member votes',
      why: 'A member is stopped only while all the others are healthy.',
      kind: 'gate',
      timeoutMs: 60_000,
      tasks: [],
    },
    {
      phaseId: 'checks',
      phaseTitle: 'Checks that block',
      stepId: 'record-before',
      title: 'Write down who reaches whom',
      why: 'To compare with afterwards.',
      kind: 'record',
      tasks: [],
    },
    {
      phaseId: 'stop',
      phaseTitle: 'Stop',
      stepId: 'stop-agents',
      title: 'Stop K3s on the agents, together',
      why: 'Agents keep flannel until they are restarted.',
      kind: 'change',
      operation: 'systemd.stopped',
      order: 'parallel',
      risk: 'Pods go on running; none can be started on the agents.',
      undo: { how: 'K3s is started again' },
      membersUp: '3 of 3',
      timeoutMs: 120_000,
      tasks: [
        {
          target: 'a1',
          change: { unit: 'k3s-agent' },
          fingerprint: { unit: 'k3s-agent' },
          rendering: {
            summary: 'stop k3s-agent.service',
            notes: ['the unit says `failed` afterwards, as K3s always does'],
          },
        },
      ],
    },
    {
      phaseId: 'stop',
      phaseTitle: 'Stop',
      stepId: 'stop-servers',
      title: 'Stop K3s on the servers, one after the other, the lifeboat last',
      why: 'flannel-backend is compared when a server joins, so all servers must change together.',
      kind: 'change',
      operation: 'systemd.stopped',
      order: 'serial',
      risk: 'The Kubernetes API is away until the servers are started again. Pods go on running and talking.',
      undo: { how: 'K3s is started on all servers inside one window' },
      outage: { what: 'control plane', expectedMs: 40_000 },
      membersUp: '0 of 3',
      timeoutMs: 120_000,
      tasks: ['s1', 's2', 's3'].map((target) => ({
        target,
        change: { unit: 'k3s' },
        fingerprint: { unit: 'k3s' },
        rendering: { summary: 'stop k3s.service' },
      })),
    },
    {
      phaseId: 'flags',
      phaseTitle: 'Flags',
      stepId: 'set-flags',
      title: 'Switch flannel and the policy controller off',
      why: 'K3s reads this at its start.',
      kind: 'change',
      operation: 'file.content',
      order: 'parallel',
      risk: 'None by itself: nothing reads the file until K3s starts.',
      undo: { how: 'the file is written back byte for byte' },
      timeoutMs: 30_000,
      tasks: [
        {
          target: 's1',
          change: { path: '/etc/rancher/k3s/config.yaml' },
          fingerprint: { path: '/etc/rancher/k3s/config.yaml' },
          rendering: {
            summary: 'change /etc/rancher/k3s/config.yaml',
            diffs: [
              {
                subject: '/etc/rancher/k3s/config.yaml',
                before:
                  'token: ****\nnode-ip: 192.168.77.11\nflannel-backend: vxlan\ntls-san:\n  - k3s.example\u001b[2J.org\n',
                after:
                  'token: ****\nnode-ip: 192.168.77.11\nflannel-backend: none\ndisable-network-policy: true\ntls-san:\n  - k3s.example\u001b[2J.org\n',
              },
              {
                subject: '/etc/cni/net.d/05-cilium.conflist',
                before: null,
                after: '{\n  "cniVersion": "0.3.1"\n}\n',
              },
            ],
          },
        },
      ],
    },
    {
      phaseId: 'clean',
      phaseTitle: 'Clean on every node',
      stepId: 'purge-kube-router',
      title: 'Delete the rules of kube-router',
      why: 'They are frozen and would refuse the new addresses.',
      kind: 'change',
      operation: 'netfilter.purge',
      order: 'parallel',
      risk: 'Between here and policies-on no NetworkPolicy is enforced.',
      guard: { targets: ['s1'], timeMs: 120_000, does: 'puts the tables back' },
      undo: { how: 'the saved rule sets are put back; kube-router makes them anew when K3s starts' },
      outage: { what: 'NetworkPolicy not enforced', expectedMs: 75_000 },
      timeoutMs: 60_000,
      tasks: [
        {
          target: 's1',
          change: { rules: 300 },
          fingerprint: { rules: 300 },
          rendering: {
            summary: 'delete 300 rules and 60 chains of kube-router in filter (nft)',
            diffs: [{ subject: 'iptables filter (nft)', before: filterBefore, after: filterAfter }],
          },
        },
      ],
    },
    {
      phaseId: 'clean',
      phaseTitle: 'Clean on every node',
      stepId: 'recreate-pods',
      title: 'Recreate the pods that are still on the old network',
      why: 'A pod keeps the network it was started with.',
      kind: 'change',
      operation: 'pods.recreated',
      order: 'serial',
      risk: 'Each pod restarts once.',
      undo: { impossible: 'a pod that was restarted cannot be un-restarted; rolling back restarts it again' },
      skippable: 'pods that stay on the old network can be recreated later by hand',
      outage: { what: 'pod to pod', expectedMs: 7_000 },
      timeoutMs: 300_000,
      tasks: [
        {
          target: 'cluster',
          change: { pods: ['default/web'] },
          fingerprint: { pods: 1 },
          rendering: { summary: 'recreate 1 pod', notes: ['default/web'] },
        },
      ],
    },
    {
      phaseId: 'clean',
      phaseTitle: 'Clean on every node',
      stepId: 'remove-links',
      title: 'Remove flannel.1 and cni0',
      why: 'Nothing uses them any more.',
      kind: 'change',
      operation: 'link.absent',
      order: 'parallel',
      risk: 'None.',
      undo: { how: 'flannel makes them anew when K3s starts with it' },
      timeoutMs: 30_000,
      tasks: [],
    },
  ],
}
