import type { ChildProcess } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { WireConfig } from './agent.ts'
import { Evictions } from './api/eviction.ts'
import { handleApi } from './api/handler.ts'
import { Mirror } from './api/mirror.ts'
import { Operations } from './api/operations.ts'
import { nodeClient } from './client.ts'
import { clearResetFlag, clusterReset } from './cluster-reset.ts'
import { type Config, criticalValues, isSet, setting } from './config.ts'
import { type ApiObject, paths } from './context.ts'
import { startControllers } from './controllers/controllers.ts'
import { createFirstObjects } from './controllers/first-objects.ts'
import type { EtcdClient } from './etcd/client.ts'
import { etcdClient, joinCluster, memberName, untilVoter } from './etcd/member.ts'
import { clientPortTaken, etcdPaths, startEtcd } from './etcd/process.ts'
import { fetchLog } from './kubelet-port.ts'
import { Leadership } from './leases.ts'
import { fatal, log } from './log.ts'
import { runNode, setCondition } from './node-agent.ts'
import { notifyReady } from './notify.ts'
import {
  type Bootstrap,
  createAuthorities,
  issueNodeCertificates,
  issueServerCertificates,
  read,
  readBootstrap,
  tls,
  writeBootstrap,
  writeServerFiles,
} from './server-files.ts'
import { clusterSettings, loadConfig, nodeIpOf, nodeNameOf, passwordFrom, version } from './settings.ts'
import { endOnTerm } from './shutdown.ts'
import { takeSnapshot } from './snapshot.ts'
import { listen, type Serving } from './supervisor.ts'
import { SupervisorClient } from './supervisor-client.ts'
import { parseToken } from './token.ts'

const joinRetryMs = 500
const voterReportMs = 10_000

/** `k3s server`. */
export async function runServer(argv: readonly string[]): Promise<void> {
  const config = loadConfig('server', argv)
  if (isSet(config, 'cluster-reset')) {
    await clusterReset(config)
    return
  }
  const node = { name: nodeNameOf(config), ip: nodeIpOf(config) }
  const cluster = clusterSettings(config)
  const stop = new AbortController()
  let etcdProcess: ChildProcess | undefined
  endOnTerm(
    stop,
    () => (cluster.flannelBackend === 'none' ? 'context canceled' : 'flannel exited: operation was cancelled'),
    () => endChild(etcdProcess),
  )
  log('info', `Starting k3s ${version}`)

  const password = parseToken(
    setting(config, 'token', '') || passwordFrom(`${paths.data}/server/cred/server-password`),
  ).password
  const join = await prepare(config, node)
  await issueServerCertificates(node.name, node.ip, config.values.get('tls-san') ?? [])
  writeServerFiles(password, setting(config, 'write-kubeconfig-mode', '600'))
  await issueNodeCertificates(node.name, node.ip, `${paths.data}/agent`)
  const own = etcdClient('127.0.0.1')
  const serving = servingOf(config, password, own, node.name)
  await listen(serving, 6443)

  if (await clientPortTaken()) {
    log('warning', 'Failed to start etcd: listen tcp 127.0.0.1:2379: bind: address already in use')
    while (await clientPortTaken()) await delay(5000, undefined, { signal: stop.signal })
  }
  etcdProcess = startEtcd({ ...join, nodeIp: node.ip })
  etcdProcess.once('exit', (code, signal) => {
    if (!stop.signal.aborted) fatal(`etcd exited: ${code === null ? signal : `exit status ${code}`}`)
  })
  await untilVoter(own, stop.signal)
  log('info', 'Connection to etcd is ready')

  const mirror = new Mirror(own)
  await mirror.start(stop.signal, (error) => fatal(`watch of etcd ended: ${error.message}`))
  const operations = new Operations(own, mirror)
  await createFirstObjects(operations)
  const parts = {
    operations,
    evictions: new Evictions(operations),
    address: `${node.ip}:6443`,
    containerLog: logOf(operations),
  }
  serving.api = (request, response) => handleApi(parts, request, response)
  await listen(serving, 6444, '127.0.0.1')
  log('info', 'Kube API server is now running')
  const leadership = new Leadership(operations, node.name)
  startControllers({
    operations,
    leadership,
    etcd: own,
    nodeIp: node.ip,
    clusterCidr: cluster.clusterCidr,
    signal: stop.signal,
  })
  await notifyReady()
  clearResetFlag()
  log('info', 'k3s is up and running')

  const api = nodeClient()
  await runNode({ ...node, role: 'server', etcdName: join.name, config }, cluster, api, stop.signal)
  while (!stop.signal.aborted) {
    await reportVoter(own, () =>
      setCondition(api, node.name, {
        type: 'EtcdIsVoter',
        status: 'True',
        reason: 'MemberNotLearner',
        message: 'Node is a voting member of the etcd cluster',
      }),
    )
    await delay(voterReportMs, undefined, { signal: stop.signal }).catch(() => undefined)
  }
}

async function reportVoter(own: EtcdClient, report: () => Promise<void>): Promise<void> {
  try {
    if ((await own.status()).leader) await report()
  } catch (error) {
    log('error', `Failed to set etcd condition: ${String(error)}`)
  }
}

/** What etcd is to be started with: as it was, as the first of a new cluster, or as one that joins. */
async function prepare(config: Config, node: { name: string; ip: string }) {
  const url = setting(config, 'server', '')
  if (existsSync(etcdPaths.wal)) {
    log('info', 'Managed etcd cluster bootstrap already complete and initialized')
    const name = memberName(node.name)
    // etcd does not read it again after its first start; the peers' addresses are of use to a learner.
    const initialCluster = /^initial-cluster: (.*)$/m.exec(readFileSync(etcdPaths.config, 'utf8'))?.[1] ?? ''
    return { name, initialCluster, initialState: 'existing' as const }
  }
  if (url === '') {
    log('info', 'Managed etcd cluster initializing')
    await createAuthorities()
    const name = memberName(node.name)
    return { name, initialCluster: `${name}=https://${node.ip}:2380`, initialState: 'new' as const }
  }
  log('info', 'Managed etcd cluster not yet initialized')
  await fetchBootstrap(config, url)
  await issueServerCertificates(node.name, node.ip, config.values.get('tls-san') ?? [])
  const name = memberName(node.name)
  const initialCluster = await joinCluster(new URL(url).hostname, name, node.ip)
  return { name, initialCluster, initialState: 'existing' as const }
}

/** Takes the authorities over from the first server, and compares what must be equal: only here, as in the real K3s. */
async function fetchBootstrap(config: Config, url: string): Promise<void> {
  const token = parseToken(setting(config, 'token', ''))
  const supervisor = new SupervisorClient(url, 'server', token)
  for (;;) {
    try {
      await supervisor.trust(token)
      await supervisor.ready()
      break
    } catch (error) {
      log('info', `Waiting for ${url}: ${error instanceof Error ? error.message : String(error)}`)
      await delay(joinRetryMs)
    }
  }
  const answer = await supervisor.get<{ files: Bootstrap; critical: Record<string, string> }>(
    '/v1-k3s/server-bootstrap',
  )
  const own = criticalValues(config)
  const different = Object.keys(own).filter((name) => own[name] !== answer.critical[name])
  for (const name of different) log('warning', `critical configuration mismatched: ${name}`)
  if (different.length > 0)
    fatal(
      'starting kubernetes: preparing server: failed to validate server configuration: critical configuration value mismatch between servers',
    )
  writeBootstrap(answer.files)
}

function servingOf(config: Config, password: string, etcd: EtcdClient, nodeName: string): Serving {
  const cluster = clusterSettings(config)
  const wire: WireConfig = {
    FlannelBackend: cluster.flannelBackend,
    ClusterIPRange: cluster.clusterCidr,
    ServiceIPRange: cluster.serviceCidr,
    ClusterDNS: cluster.clusterDns,
    ClusterDomain: cluster.clusterDomain,
    DisableNPC: cluster.disableNetworkPolicy,
    DisableKubeProxy: cluster.disableKubeProxy,
  }
  return {
    password,
    api: undefined,
    healthy: () => isHealthy(etcd),
    config: () => wire,
    bootstrap: () => ({ files: readBootstrap(), critical: criticalValues(config) }),
    members: async () => ({ members: await etcd.members() }),
    nodeCertificates: async (name, ip) => {
      const folder = `${tls}/nodes/${name}`
      await issueNodeCertificates(name, ip, folder)
      const names = ['client-kubelet.crt', 'client-kubelet.key', 'serving-kubelet.crt', 'serving-kubelet.key']
      const files = Object.fromEntries(names.map((file) => [file, read(`nodes/${name}/${file}`)]))
      return { ...files, 'client-ca.crt': read('client-ca.crt') }
    },
    snapshot: (name) => takeSnapshot(name, nodeName),
  }
}

async function isHealthy(etcd: EtcdClient): Promise<boolean> {
  const answered = etcd.get('health').then(
    () => true,
    () => false,
  )
  return Promise.race([answered, delay(2000, false)])
}

function logOf(operations: Operations) {
  const access = {
    cert: read('client-kube-apiserver.crt'),
    key: read('client-kube-apiserver.key'),
    ca: read('server-ca.crt'),
  }
  return async (pod: ApiObject, container: string, tailLines: number | undefined) => {
    const node = operations.mirror.objects.get(`/registry/nodes/${pod.spec.nodeName}`)
    const address: { address: string } | undefined = node?.status?.addresses?.[0]
    return fetchLog(access, address?.address ?? '127.0.0.1', pod, container, tailLines)
  }
}

async function endChild(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGKILL')
  await ended
}
