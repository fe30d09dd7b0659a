import { type ChildProcess, spawn } from 'node:child_process'
import { readlink } from 'node:fs/promises'
import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { run } from '../node/command.ts'
import { link } from './devices.ts'
import { enterPods, type PodNetwork, randomMac } from './pod-network.ts'

function listen(
  port: number,
  address: string | undefined,
  answer: () => [number, string],
  signal: AbortSignal,
): Promise<void> {
  const server = createServer((_, response) => {
    const [code, body] = answer()
    response.writeHead(code, { 'content-type': 'application/json' }).end(body)
  })
  signal.addEventListener('abort', () => server.close(), { once: true })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, address, resolve)
  })
}

/** The agent's own health on 127.0.0.1:9879, which its readiness probe asks, and cilium-health on the node's 4240. */
export async function serveHealth(isReady: () => boolean, signal: AbortSignal): Promise<void> {
  await listen(9879, '127.0.0.1', () => (isReady() ? [200, '{"status":"ok"}'] : [503, '{"status":"starting"}']), signal)
  await listen(4240, undefined, () => [200, '{"nodes":[]}'], signal)
}

const responder =
  'use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => 4240, Listen => 16, ReuseAddr => 1) or die "$!";' +
  'while (my $c = $s->accept) { print $c "HTTP/1.0 200 OK\\r\\n\\r\\n{}"; close $c }'

/** The health endpoint: a namespace without a name behind `lxc_health`, gone with the agent as the real one is. */
export async function startHealthEndpoint(address: string, network: PodNetwork, signal: AbortSignal): Promise<void> {
  if ((await link('lxc_health')) !== undefined) await run(['ip', 'link', 'del', 'lxc_health'])
  const child: ChildProcess = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', '--net', 'perl', '-e', responder], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  signal.addEventListener('abort', () => child.kill('SIGKILL'), { once: true })
  const { pid } = child
  if (pid === undefined) throw new Error('the health endpoint could not be started')
  await namespaceOf(pid)
  const health = { link: 'lxc_health', linkMac: randomMac(), podMac: randomMac(), address }
  await run(['ip', '-batch', '-'], {
    stdin: `link add lxc_health address ${health.linkMac} mtu ${network.mtu} type veth peer name cilium address ${health.podMac} mtu ${network.mtu} netns ${pid}\nlink set lxc_health up\n`,
  })
  await run(['nsenter', `--net=/proc/${pid}/ns/net`, 'ip', '-batch', '-'], {
    stdin: `addr add ${address}/32 dev cilium\nlink set cilium up\nroute add ${network.router}/32 dev cilium scope link\nroute add default via ${network.router} dev cilium\n`,
  })
  await enterPods([health])
}

/** Waits until the process has left this network namespace: `unshare` does that before it starts the responder. */
async function namespaceOf(pid: number): Promise<void> {
  const own = await readlink('/proc/self/ns/net')
  for (let left = 200; left > 0; left--) {
    if ((await readlink(`/proc/${pid}/ns/net`)) !== own) return
    await delay(10)
  }
  throw new Error('the health endpoint did not get a network namespace')
}
