import { eachIsTold, on } from './spoiled.ts'

eachIsTold([
  [
    'a firewall for the old pods',
    on('s1', (node) => {
      node.firewall.ufw = { incoming: 'deny', rules: [{ to: 'Anywhere', action: 'ALLOW IN', from: '10.42.0.0/16' }] }
    }),
    'blocks',
    /ufw allow from 10\.52\.0\.0\/16/,
  ],
  [
    'a firewall that does not answer',
    on('s1', (node) => {
      node.firewall.silent = ['firewalld']
    }),
    'unknown',
    /firewalld is active and did not say/,
  ],
  [
    'a lost datagram',
    (facts) => {
      for (const path of facts.paths ?? []) if (path.to === 'a1') path.outcome = 'lost'
    },
    'blocks',
    /3 of 12 ways are not: s1 to a1 \(lost\)/,
  ],
])
