import { both, eachIsTold, pod, policy } from './spoiled.ts'

eachIsTold([
  [
    'SCTP',
    policy({ ingress: [{ ports: [{ protocol: 'SCTP', port: 1 }] }], podSelector: { matchLabels: { app: 'none' } } }),
    'warns',
    /SCTP/,
  ],
  [
    'a selector for the host network',
    both(
      pod({ name: 'traefik', hostNetwork: true, owner: null, labels: { app: 'traefik' } }),
      policy({
        podSelector: { matchLabels: { app: 'none' } },
        ingress: [{ from: [{ podSelector: { matchLabels: { app: 'traefik' } } }] }],
      }),
    ),
    'warns',
    /shop\/p selects shop\/traefik/,
  ],
  ['ping', policy({ podSelector: {}, ingress: [{}] }), 'warns', /ping is then denied/],
])
