import { chmod, mkdir, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { text } from 'node:stream/consumers'
import { agentSocket } from './cni-scripts.ts'
import type { EndpointRecord } from './endpoint-record.ts'
import type { Endpoints } from './endpoints.ts'
import type { Log } from './log.ts'
import type { PodNetwork } from './pod-network.ts'

interface Call {
  env: Record<string, string>
  conf: { cniVersion?: string }
}

function parseCall(input: string): Call {
  const end = input.indexOf('\n\n')
  const env = Object.fromEntries(
    input
      .slice(0, end)
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
  return { env, conf: JSON.parse(input.slice(end + 2)) as Call['conf'] }
}

function podOf(args: string): { namespace: string; pod: string } {
  const pairs = new Map(args.split(';').map((pair) => pair.split('=', 2) as [string, string]))
  const namespace = pairs.get('K8S_POD_NAMESPACE')
  const pod = pairs.get('K8S_POD_NAME')
  if (namespace === undefined || pod === undefined) {
    throw new Error(`CNI_ARGS has no K8S_POD_NAMESPACE and K8S_POD_NAME: ${args}`)
  }
  return { namespace, pod }
}

function result(endpoint: EndpointRecord, interfaceName: string, network: PodNetwork, cniVersion: string): object {
  return {
    cniVersion,
    interfaces: [
      { name: endpoint.link, mac: endpoint.linkMac },
      { name: interfaceName, mac: endpoint.podMac, sandbox: endpoint.netns },
    ],
    ips: [{ version: '4', interface: 1, address: `${endpoint.address}/32`, gateway: network.router }],
    routes: [{ dst: `${network.router}/32` }, { dst: '0.0.0.0/0', gw: network.router, mtu: network.routeMtu }],
    dns: {},
  }
}

async function answer(input: string, endpoints: Endpoints, network: PodNetwork): Promise<object | null> {
  const { env, conf } = parseCall(input)
  const containerId = env.CNI_CONTAINERID ?? ''
  if (env.CNI_COMMAND === 'ADD') {
    const interfaceName = env.CNI_IFNAME ?? 'eth0'
    const request = { containerId, netns: env.CNI_NETNS ?? '', interfaceName, ...podOf(env.CNI_ARGS ?? '') }
    return result(await endpoints.add(request), interfaceName, network, conf.cniVersion ?? '0.3.1')
  }
  if (env.CNI_COMMAND === 'DEL') await endpoints.remove(containerId)
  return null
}

/** Answers the plugin on the agent's socket: `0` or `1` on the first line, the CNI result or error after it. */
export async function serveCni(
  endpoints: Endpoints,
  network: PodNetwork,
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  await mkdir(dirname(agentSocket), { recursive: true })
  await rm(agentSocket, { force: true })
  const respond = async (socket: Socket): Promise<void> => {
    try {
      const reply = await answer(await text(socket), endpoints, network)
      socket.end(`0\n${reply === null ? '' : JSON.stringify(reply)}`)
    } catch (error) {
      log('error', 'CNI call failed', { error })
      socket.end(`1\n${JSON.stringify({ code: 100, msg: error instanceof Error ? error.message : String(error) })}`)
    }
  }
  // The plugin ends its side first and reads the answer then.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', (error) => log('warning', 'CNI connection lost', { error }))
    void respond(socket)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(agentSocket, resolve)
  })
  await chmod(agentSocket, 0o660)
  signal.addEventListener('abort', () => server.close(), { once: true })
}
