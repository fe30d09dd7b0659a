import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { type Config, setting } from './config.ts'
import { paths } from './context.ts'
import { etcdClient, memberName, untilVoter } from './etcd/member.ts'
import { etcdPaths, startEtcd } from './etcd/process.ts'
import { fatal, log } from './log.ts'
import { nodeIpOf, nodeNameOf } from './settings.ts'

const resetFlag = `${paths.data}/server/db/reset-flag`

/** `k3s server --cluster-reset [--cluster-reset-restore-path FILE]`: this server alone, with a snapshot's data or its own. */
export async function clusterReset(config: Config): Promise<void> {
  if (setting(config, 'server', '') !== '')
    fatal('cannot perform cluster-reset while server URL is set - remove server from configuration before resetting')
  if (existsSync(resetFlag))
    fatal(
      'Managed etcd cluster membership was previously reset, please remove the cluster-reset flag and start k3s normally.',
    )
  const name = memberName(nodeNameOf(config))
  const ip = nodeIpOf(config)
  const peer = `https://${ip}:2380`
  const snapshot = setting(config, 'cluster-reset-restore-path', '')
  if (snapshot !== '') {
    if (!existsSync(snapshot)) fatal(`etcd: snapshot path does not exist: ${snapshot}`)
    const old = `${paths.data}/server/db/etcd-old-${Math.floor(Date.now() / 1000)}`
    renameSync(etcdPaths.data, old)
    log('info', `Pre-restore etcd database moved to ${old}`)
    execFileSync(
      `${paths.etcd}/etcdctl`,
      [
        'snapshot',
        'restore',
        snapshot,
        `--data-dir=${etcdPaths.data}`,
        `--name=${name}`,
        `--initial-cluster=${name}=${peer}`,
        `--initial-advertise-peer-urls=${peer}`,
      ],
      { env: { ...process.env, ETCDCTL_API: '3' }, stdio: ['ignore', 'inherit', 'inherit'] },
    )
    writeFileSync(etcdPaths.name, name, { mode: 0o600 })
  }
  const etcd = startEtcd({
    name,
    nodeIp: ip,
    initialCluster: `${name}=${peer}`,
    initialState: 'existing',
    forceNewCluster: snapshot === '',
  })
  etcd.once('exit', (code) => {
    if (code !== null) fatal(`etcd exited: exit status ${code}`)
  })
  await untilVoter(etcdClient('127.0.0.1'), AbortSignal.timeout(60_000))
  const ended = once(etcd, 'exit')
  etcd.kill('SIGKILL')
  await ended
  writeFileSync(resetFlag, '', { mode: 0o600 })
  log(
    'info',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: K3s' own words
    'Managed etcd cluster membership has been reset, restart without --cluster-reset flag now. Backup and delete ${datadir}/server/db on each peer etcd server and rejoin the nodes',
  )
}

/** A normal start allows the next reset. */
export function clearResetFlag(): void {
  rmSync(resetFlag, { force: true })
}
