import { both, cilium, eachIsTold, obstacles, on, pod } from './spoiled.ts'

eachIsTold([
  [
    'networkd',
    on('s1', (node) => {
      node.host.services['systemd-networkd'] = 'active'
    }),
    'warns',
    /ManageForeignRoutes=no/,
  ],
  [
    'upgrades',
    on('s1', (node) => {
      node.upkeep = { ...node.upkeep, aptInstalls: true, units: { 'apt-daily-upgrade.timer': 'active' } }
    }),
    'warns',
    /apt-daily-upgrade\.timer is active/,
  ],
  ['Argo CD', obstacles({ argo: [{ namespace: 'argocd', name: 'apps' }] }), 'warns', /argocd\/apps/],
  [
    "Flux' own Cilium",
    (facts) => {
      facts.kube.flux = [
        {
          kind: 'HelmRelease',
          apiVersion: 'v2',
          namespace: 'kube-system',
          name: 'cilium',
          suspended: false,
          ours: false,
        },
      ]
    },
    'warns',
    /HelmRelease kube-system\/cilium/,
  ],
  [
    'a budget',
    obstacles({ disruptionBudgets: [{ namespace: 'shop', name: 'web', allowed: 0, healthy: 1, wanted: 1 }] }),
    'warns',
    /shop\/web allows none now/,
  ],
  [
    'Longhorn',
    obstacles({ volumes: [{ name: 'pv', claim: 'shop/data', kind: 'driver.longhorn.io', accessModes: [] }] }),
    'warns',
    /shop\/data/,
  ],
  [
    'NFS and kube-proxy gone',
    both(
      cilium({ kubeProxyReplacement: true }),
      obstacles({ volumes: [{ name: 'pv', claim: null, kind: 'nfs', accessModes: [] }] }),
    ),
    'warns',
    /cilium#21541/,
  ],
  [
    'host ports among node ports',
    both(cilium({ kubeProxyReplacement: true }), pod({ hostPorts: [30080] })),
    'blocks',
    /30080/,
  ],
  [
    'a webhook',
    obstacles({
      webhooks: [
        { kind: 'V', configuration: 'w', name: 'w.io', service: { namespace: 'shop', name: 'w' }, resources: ['pods'] },
      ],
    }),
    'warns',
    /changes of pods are refused/,
  ],
])
