import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { stringify } from 'yaml'
import { createAuthority, issue } from './certificates.ts'
import { paths } from './context.ts'
import { formatToken } from './token.ts'

export const tls = `${paths.data}/server/tls`

/** The authorities all servers share, with their keys: what a joining server is given. */
const authorities: Record<string, string> = {
  'server-ca': 'k3s-server-ca',
  'client-ca': 'k3s-client-ca',
  'etcd/server-ca': 'etcd-server-ca',
  'etcd/peer-ca': 'etcd-peer-ca',
}

export type Bootstrap = Record<string, string>

export async function createAuthorities(): Promise<void> {
  for (const [path, name] of Object.entries(authorities))
    if (!existsSync(`${tls}/${path}.key`)) await createAuthority(`${tls}/${path}`, name)
}

const bundled = () => Object.keys(authorities).flatMap((path) => [`${path}.crt`, `${path}.key`])

export function readBootstrap(): Bootstrap {
  return Object.fromEntries(bundled().map((file) => [file, readFileSync(`${tls}/${file}`, 'utf8')]))
}

export function writeBootstrap(files: Bootstrap): void {
  for (const file of bundled()) {
    mkdirSync(dirname(`${tls}/${file}`), { recursive: true, mode: 0o700 })
    writeFileSync(`${tls}/${file}`, files[file] ?? '', { mode: 0o600 })
  }
}

/** Certificates of one server, where K3s keeps them; those that are there stay. */
export async function issueServerCertificates(
  nodeName: string,
  nodeIp: string,
  extraNames: readonly string[],
): Promise<void> {
  const ips = [...new Set(['127.0.0.1', nodeIp, '10.43.0.1', ...extraNames.filter(isIp)])]
  const services = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
  ]
  const dns = ['localhost', nodeName, ...services, ...extraNames.filter((name) => !isIp(name))]
  const wanted: [authority: string, path: string, subject: Parameters<typeof issue>[2]][] = [
    ['server-ca', 'serving-kube-apiserver', { name: 'kube-apiserver', dns, ips }],
    ['client-ca', 'client-admin', { name: 'system:admin', organization: 'system:masters' }],
    ['client-ca', 'client-kube-apiserver', { name: 'system:apiserver', organization: 'system:masters' }],
    ['etcd/server-ca', 'etcd/server-client', { name: 'etcd-server', dns, ips }],
    ['etcd/server-ca', 'etcd/client', { name: 'etcd-client' }],
    ['etcd/peer-ca', 'etcd/peer-server-client', { name: 'etcd-peer', dns, ips }],
  ]
  await Promise.all(
    wanted
      .filter(([, path]) => !existsSync(`${tls}/${path}.key`))
      .map(([authority, path, subject]) => issue(`${tls}/${authority}`, `${tls}/${path}`, subject)),
  )
}

const isIp = (name: string) => /^[0-9.]+$/.test(name)

/** A kubelet's certificates for one node, made by the server it asks. */
export async function issueNodeCertificates(nodeName: string, nodeIp: string, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (const ca of ['server-ca.crt', 'client-ca.crt']) copyFileSync(`${tls}/${ca}`, `${folder}/${ca}`)
  const node = { name: `system:node:${nodeName}`, organization: 'system:nodes' }
  await issue(`${tls}/client-ca`, `${folder}/client-kubelet`, node)
  await issue(`${tls}/server-ca`, `${folder}/serving-kubelet`, {
    ...node,
    dns: [nodeName, 'localhost'],
    ips: ['127.0.0.1', nodeIp],
  })
}

export const read = (file: string): string => readFileSync(`${tls}/${file}`, 'utf8')

/** /etc/rancher/k3s/k3s.yaml, the token files and the folders that K3s makes. */
export function writeServerFiles(password: string, kubeconfigMode: string): void {
  const base64 = (file: string) => Buffer.from(read(file)).toString('base64')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'default',
        cluster: { server: 'https://127.0.0.1:6443', 'certificate-authority-data': base64('server-ca.crt') },
      },
    ],
    contexts: [{ name: 'default', context: { cluster: 'default', user: 'default' } }],
    'current-context': 'default',
    preferences: {},
    users: [
      {
        name: 'default',
        user: { 'client-certificate-data': base64('client-admin.crt'), 'client-key-data': base64('client-admin.key') },
      },
    ],
  }
  mkdirSync('/etc/rancher/k3s', { recursive: true })
  writeFileSync('/etc/rancher/k3s/k3s.yaml', stringify(config, { lineWidth: 0 }), {
    mode: Number.parseInt(kubeconfigMode, 8),
  })
  const token = `${formatToken(read('server-ca.crt'), password)}\n`
  for (const name of ['token', 'node-token', 'agent-token'])
    writeFileSync(`${paths.data}/server/${name}`, token, { mode: 0o600 })
  for (const folder of ['server/db/snapshots', 'server/manifests'])
    mkdirSync(`${paths.data}/${folder}`, { recursive: true, mode: 0o700 })
}
