import semver from 'semver'
import { parse } from 'yaml'
import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import type { RoutingMode } from '../routing-values.ts'
import { type Danger, dangersIn } from './dangers-in.ts'
import { about, orFine } from './finding.ts'

/** Every agent starts anew, in either mode (cilium.md §4.4). */
const always: readonly Danger[] = [
  ['cleanState', 'blocks', Boolean, 'wipes all state and connections at every start of an agent'],
  ['cleanBpfState', 'blocks', Boolean, 'wipes the maps at every start of an agent'],
]

const withTunnel: readonly Danger[] = [
  ['installNoConntrackIptablesRules', 'blocks', Boolean, 'needs native routing'],
  [
    'loadBalancer.mode',
    'blocks',
    (value) => value === 'dsr' || value === 'hybrid',
    'answers clients directly, and an agent with a tunnel of vxlan exits over it',
  ],
]

/** Nothing among the release's own values goes badly with the mode that is to come. */
export function routingValuesSafe(facts: Facts, mode: RoutingMode): Finding[] {
  const title = `the release's values go with ${mode} routing`
  const { chart } = facts.kube.cilium
  const dangers = mode === 'tunnel' ? [...always, ...withTunnel] : always
  const found = dangersIn(
    parse(chart?.values ?? ''),
    dangers,
    title,
    (path) => `take ${path} out of the release's values first: its agents start anew for that too`,
  )
  return [
    ...orFine(found, title, 'none is in the way'),
    ...(mode === 'tunnel' ? podsFit(chart?.version ?? null) : inTheOpen()),
  ]
}

/** Agents before 1.17 leave running pods the packet size that they were made with (pkg/mtu/endpoint_updater.go came then). */
function podsFit(version: string | null): Finding[] {
  const here = about("pods' packets fit into the tunnel")
  return version !== null && semver.gte(version, '1.17.0')
    ? [here.fine(`agents of ${version} tell running pods`)]
    : [
        here.warns(
          `agents of ${version ?? 'an unknown version'} may leave pods that were made with native routing packets too large for the tunnel`,
          'afterwards: migrate verify tries large packets; recreate the pods that cannot send them',
        ),
      ]
}

/** What nobody can read from the nodes. */
function inTheOpen(): Finding[] {
  return [
    about('the network between the nodes lets packets of pods through').warns(
      'they travel with the addresses of pods, no longer inside UDP packets of nodes: clouds drop such packets unless told otherwise, and so may firewalls between and on nodes',
      'switch checks of source and destination off for these machines, and let the pod range through; where they are lost: migrate rollback',
    ),
  ]
}
