import { sha256 } from '../../engine/digest.ts'
import { apiServers } from '../cluster/evolve.ts'
import { configFile, containerdConfig, unitFile } from '../cluster/k3s.ts'
import { kubeletLives, type NodeState } from '../cluster/state.ts'
import type { SectionsOf } from './facts.ts'

const states: Readonly<Record<NodeState['unit']['phase'], readonly [active: string, sub: string]>> = {
  inactive: ['inactive', 'dead'],
  failed: ['failed', 'failed'],
  starting: ['activating', 'start'],
  active: ['active', 'running'],
  'auto-restart': ['activating', 'auto-restart'],
}

/** The awk program of facts/mask.ts takes the values of secrets out; here there is one place where one stands. */
export const masked = (text: string): string => text.replace(/^(token|agent-token):.*$/gm, '$1: "***"')

const hasProcess = (node: NodeState) => node.unit.phase === 'active' || node.unit.phase === 'starting'

/** `systemctl show` of K3s' unit. */
function shown(node: NodeState): string {
  const { unit } = node
  const [active, sub] = states[unit.phase]
  return [
    `MainPID=${hasProcess(node) ? 100 + unit.starts : 0}`,
    `Result=${unit.lastResult}`,
    `ExecStart={ path=/usr/local/bin/k3s ; argv[]=${unit.words.join(' ')} ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=1 ; code=(null) ; status=0/0 }`,
    `ActiveState=${active}`,
    `SubState=${sub}`,
    `FragmentPath=${unitFile(node)}`,
    'UnitFileState=enabled',
    'DropInPaths=',
    '',
  ].join('\n')
}

export const unitSections: SectionsOf = (_state, node) => [
  ['unit.name', `${node.unit.name}.service`],
  ['unit.show', shown(node)],
]

export const k3sSections: SectionsOf = (state, node) => {
  const file = unitFile(node)
  const files = Object.keys(node.files)
    .filter(
      (path) => path === file || path === configFile || /^\/etc\/rancher\/k3s\/config\.yaml\.d\/.*\.ya?ml$/.test(path),
    )
    .map((path) => {
      const { text = '', mode = 0 } = node.files[path] ?? {}
      return `${path}\0${mode.toString(8)} 0 0 ${sha256(text)}\0${Buffer.from(masked(text)).toString('base64')}\0`
    })
  // The API is there on every server that answers itself, and through its load balancer on every agent.
  const servers = apiServers(state)
  const isLocal = node.role === 'server' ? servers.includes(node) : kubeletLives(node) && servers.length > 0
  return [
    ['k3s.unit', `${node.unit.name}.service`],
    ['k3s.show', shown(node)],
    ['k3s.files', files.join('')],
    ['k3s.config', configFile],
    ['k3s.version', 'k3s version v1.31.4+k3s1 (a562d090)\n'],
    ['k3s.cni', node.files[containerdConfig]?.text.split(/(?=\[plugins\.cri\.cni\])/)[1] ?? ''],
    ['k3s.template', ''],
    ['k3s.localapi', { code: isLocal ? 0 : 7 }],
  ]
}
