import { eachIsTold, flag, onServers, values } from './spoiled.ts'

eachIsTold([
  ['state wiped', values({ cleanState: true }), 'blocks', /cleanState: true wipes/],
  ['a value far down', values({ hostFirewall: { enabled: true } }), 'blocks', /hostFirewall\.enabled/],
  ['routing of its own', values({ routingMode: 'native' }), 'blocks', /routingMode/],
  ['no helm controller', onServers(flag('disable-helm-controller', 'true')), 'blocks', /nobody would install/],
])
