import { churningJobs } from './churn.ts'
import { gapOf, refusalsAreHeard } from './gap.ts'
import { homeAssistant, named } from './home-assistant.ts'
import {
  app,
  clusterDns,
  deployment,
  type Manifest,
  namespace,
  namespaceCalled,
  type PolicySpec,
  policy,
  server,
  service,
  tcpPort,
  toDns,
  toInternet,
} from './manifests.ts'
import type { Scenario } from './scenario.ts'

/** The report's namespaces; how their policies spread is told for two of them (71 in one, 18 in automation, some 130 in all). */
const policiesIn = { web: 71, automation: 18, databases: 16, monitoring: 15, infra: 10 } as const

/** What runs in a home: [namespace, name, replicas, index of its node or null for any]. */
const deployments = [
  ['automation', 'vm-waker', 1, 1],
  ['automation', 'traccar', 1, 0],
  ['automation', 'mosquitto', 1, 2],
  ['databases', 'redis-sentinel', 2, null],
  ['databases', 'postgresql', 1, null],
  ['monitoring', 'loki', 1, null],
  ['monitoring', 'grafana', 1, null],
  ['web', 'shop', 2, null],
  ['web', 'api', 1, null],
] as const

/** Things of a home that have a policy; only some of them run. The first few are those of the report. */
const automationApps = [
  ...[
    'vm-waker',
    'traccar',
    'mosquitto',
    'zigbee2mqtt',
    'zwavejs',
    'nodered',
    'esphome',
    'frigate',
    'go2rtc',
    'matter',
  ],
  ...['music-assistant', 'piper', 'whisper', 'openwakeword', 'evcc', 'ring-mqtt', 'solar-forecast'],
]

/** The only policy that selects Home Assistant: strict in both directions. */
const ofHomeAssistant: PolicySpec = {
  podSelector: app('homeassistant'),
  policyTypes: ['Ingress', 'Egress'],
  ingress: [{ from: [{ namespaceSelector: namespaceCalled('infra') }], ports: [tcpPort(8123)] }],
  egress: [
    toDns,
    {
      to: [{ podSelector: app('vm-waker') }, { podSelector: app('traccar') }, { podSelector: app('mosquitto') }],
      ports: [tcpPort(8080)],
    },
    {
      to: [{ namespaceSelector: namespaceCalled('databases'), podSelector: app('postgresql') }],
      ports: [tcpPort(8080)],
    },
    toInternet,
  ],
}

/** From Home Assistant only; its own namespace's things may answer and ask for names. */
const ofAutomation = (name: string): PolicySpec => ({
  podSelector: app(name),
  policyTypes: ['Ingress'],
  ingress: [{ from: [{ podSelector: app('homeassistant') }], ports: [tcpPort(8080)] }],
})

/** The databases let in who may ask them. */
const ofDatabases = (name: string): PolicySpec => ({
  podSelector: app(name),
  policyTypes: ['Ingress', 'Egress'],
  ingress: [
    {
      from: [
        { podSelector: {} },
        { namespaceSelector: namespaceCalled('web') },
        { namespaceSelector: namespaceCalled('automation') },
      ],
    },
  ],
  egress: [toDns, { to: [{ podSelector: {} }] }],
})

/** One of many small ones, as a chart makes them for each of its parts: in, out, names. */
function ofPart(name: string, index: number, others: readonly string[]): PolicySpec {
  const peers = [...others, name].map((one) => ({ podSelector: app(one) }))
  if (index % 3 === 0)
    return { podSelector: app(name), policyTypes: ['Ingress'], ingress: [{ from: peers, ports: [tcpPort(8080)] }] }
  if (index % 3 === 1) return { podSelector: app(name), policyTypes: ['Egress'], egress: [toDns, { to: peers }] }
  return {
    podSelector: app(name),
    policyTypes: ['Egress'],
    egress: [toInternet, { to: [{ namespaceSelector: namespaceCalled('databases') }], ports: [tcpPort(8080)] }],
  }
}

/** So many policies over the parts of a namespace, three for each: those that run first. */
function ofNamespace(name: string, count: number, running: readonly string[]): Manifest[] {
  return Array.from({ length: count }, (_, index) => {
    const part = running[Math.floor(index / 3)] ?? `part-${Math.floor(index / 3)}`
    return policy(name, `${part}-${['in', 'near', 'out'][index % 3]}`, ofPart(part, index, running))
  })
}

function policies(): Manifest[] {
  const databases = ['redis-sentinel', 'postgresql']
  return [
    policy('automation', 'homeassistant', ofHomeAssistant),
    ...automationApps.map((name) => policy('automation', name, ofAutomation(name))),
    ...databases.map((name) => policy('databases', name, ofDatabases(name))),
    ...ofNamespace('databases', policiesIn.databases - databases.length, []),
    ...ofNamespace('web', policiesIn.web, ['shop', 'api']),
    ...ofNamespace('monitoring', policiesIn.monitoring, ['grafana']),
    ...ofNamespace('infra', policiesIn.infra, []),
  ]
}

/**
 * Seed 000's cluster: three servers, 130 NetworkPolicies, Home Assistant on one node and vm-waker on another, and the three
 * CronJobs by name. Theirs run every 5, 10 and 15 minutes there, every 1, 2 and 3 here: a minute of watching is to see what an
 * hour shows at home, in the same proportion. A fourth one is not among the suspects: as in the report, suspending the
 * three does not end all of it.
 */
export const home: Scenario = {
  is: "the home cluster of seed 000: 130 policies, three CronJobs that churn pods, and Home Assistant's calls refused in bursts",
  leastNodes: 3,
  agents: 0,
  files: [refusalsAreHeard],
  fault: gapOf(5),
  workload: (nodes, images) => ({
    objects: [
      ...Object.keys(policiesIn).map((name) => namespace(name)),
      ...clusterDns(images.dns),
      ...policies(),
      deployment(
        { namespace: 'automation', name: 'homeassistant' },
        [
          homeAssistant([
            ...['vm-waker', 'traccar', 'mosquitto'].map((name) => named(name, 'automation', 80)),
            named('postgresql', 'databases', 80),
          ]),
        ],
        { nodes: nodes.slice(0, 1) },
      ),
      ...deployments.flatMap(([space, name, replicas, at]) => [
        deployment(
          { namespace: space, name, replicas },
          [server(name, images.server)],
          at === null ? {} : { nodes: nodes.slice(at, at + 1) },
        ),
        service({ namespace: space, name }, [{ port: 80, targetPort: 8080 }]),
      ]),
    ],
    pods: deployments.reduce((sum, [, , replicas]) => sum + replicas, 1) + 1,
    trouble: [
      ...churningJobs([
        ['infra', 'home-ip-updater', 1],
        ['monitoring', 'cloudfront-to-loki', 2],
        ['monitoring', 'agilepoker-to-loki', 3],
      ]),
      ...churningJobs([['databases', 'postgresql-check', 4]]),
    ],
  }),
}
