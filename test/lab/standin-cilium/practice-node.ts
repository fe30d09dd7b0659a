import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { ApiClient } from '../../../src/lab/standin/context.ts'
import { serveApi } from './remote-api.ts'

const execute = promisify(execFile)

export interface Ran {
  code: number
  stdout: string
  stderr: string
}

export async function sh(script: string, ...prefix: string[]): Promise<Ran> {
  const [program = 'sh', ...args] = [...prefix, 'sh', '-c', script]
  try {
    const { stdout, stderr } = await execute(program, args)
    return { code: 0, stdout, stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, stdout, stderr }
  }
}

export async function must(script: string, ...prefix: string[]): Promise<string> {
  const { code, stdout, stderr } = await sh(script, ...prefix)
  if (code !== 0) throw new Error(`${script}: ${stderr}${stdout}`)
  return stdout.trim()
}

const listener = `use IO::Socket::INET;
my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 64, ReuseAddr => 1) or die; $| = 1; print "up\\n";
while (my $c = $s->accept) { print $c $c->peerhost; close $c }`
const connector = `use IO::Socket::INET;
my $s = IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $ARGV[1], Timeout => 1) or do { print $! =~ /refused/ ? "refused" : "timeout"; exit };
my $got = <$s>; print $got // ""`

const prefix = `sc${process.pid}-`

/** Everything a test makes on this machine, and its end. */
export class Ground {
  private readonly processes: ChildProcess[] = []
  private readonly namespaces: string[] = []
  readonly abort = new AbortController()

  async namespace(name: string): Promise<string> {
    const full = `${prefix}${name}`
    await must(`ip netns add ${full}`)
    this.namespaces.push(full)
    await must(`ip -n ${full} link set lo up`)
    return full
  }

  own(child: ChildProcess): ChildProcess {
    this.processes.push(child)
    return child
  }

  /** A TCP server on 8080 that answers with the address it saw. */
  async serve(namespace: string): Promise<void> {
    const child = this.own(spawn('ip', ['netns', 'exec', namespace, 'perl', '-e', listener], { stdio: 'pipe' }))
    if (child.stdout !== null) await once(child.stdout, 'data')
  }

  async remove(): Promise<void> {
    this.abort.abort()
    for (const child of this.processes) child.kill('SIGKILL')
    for (const name of this.namespaces) await sh(`ip netns del ${name}`)
  }
}

/** The source address that the server saw, or `timeout`, or `refused`. */
export async function connect(from: string, address: string, port = 8080): Promise<string> {
  const { stdout } = await execute('ip', ['netns', 'exec', from, 'perl', '-e', connector, address, `${port}`])
  return stdout.trim()
}

/** A node without K3s: a network namespace on the bridge, and a mount namespace with its own /run/cilium, /etc/cni … */
export class PracticeNode {
  readonly name: string
  readonly address: string
  readonly namespace: string
  private readonly ground: Ground
  private readonly api: ApiClient
  private readonly holder: ChildProcess
  private agent: ChildProcess | undefined
  private messages = ''

  private constructor(
    name: string,
    address: string,
    namespace: string,
    holder: ChildProcess,
    ground: Ground,
    api: ApiClient,
  ) {
    this.name = name
    this.address = address
    this.namespace = namespace
    this.holder = holder
    this.ground = ground
    this.api = api
  }

  static async create(
    ground: Ground,
    api: ApiClient,
    bridge: string,
    name: string,
    address: string,
  ): Promise<PracticeNode> {
    const namespace = await ground.namespace(name)
    await must(`ip -n ${bridge} link add ${name} type veth peer name eth0 netns ${namespace}`)
    await must(`ip -n ${bridge} link set ${name} master br0 up`)
    await must(`ip -n ${namespace} addr add ${address}/24 dev eth0 && ip -n ${namespace} link set eth0 up`)
    const setup =
      'for d in /run/cilium /etc/cni /opt/cni /etc/sysctl.d; do mkdir -p $d && mount -t tmpfs none $d; done; mount -t bpf bpf /sys/fs/bpf; echo up; exec sleep infinity'
    const holder = ground.own(
      spawn('ip', ['netns', 'exec', namespace, 'unshare', '--mount', '--propagation', 'slave', 'sh', '-c', setup], {
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    )
    if (holder.stdout !== null) await once(holder.stdout, 'data')
    return new PracticeNode(name, address, namespace, holder, ground, api)
  }

  private get inside(): string[] {
    return ['nsenter', `--mount=/proc/${this.holder.pid}/ns/mnt`, `--net=/run/netns/${this.namespace}`]
  }

  sh(script: string): Promise<Ran> {
    return sh(script, ...this.inside)
  }

  must(script: string): Promise<string> {
    return must(script, ...this.inside)
  }

  get log(): string {
    return this.messages
  }

  /** Starts an agent and waits until it says it is ready. */
  async startAgent(config: Record<string, string>): Promise<void> {
    const [program = '', ...args] = [
      ...this.inside,
      process.execPath,
      new URL('./node-process.ts', import.meta.url).pathname,
      this.name,
      this.address,
      JSON.stringify(config),
    ]
    const child = this.ground.own(spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] }))
    serveApi(child, this.api, this.ground.abort.signal)
    this.agent = child
    this.messages = ''
    const ready = new Promise<void>((resolve, reject) => {
      child.stderr?.on('data', (chunk: Buffer) => {
        this.messages += chunk.toString()
        if (this.messages.includes('Daemon initialization completed')) resolve()
      })
      child.on('exit', (code) => reject(new Error(`agent of ${this.name} ended with ${code}:\n${this.messages}`)))
    })
    await ready
  }

  async stopAgent(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.agent
    if (child === undefined || child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  cni(command: 'ADD' | 'DEL', namespace: string, pod: string): Promise<Ran> {
    const env = `CNI_COMMAND=${command} CNI_CONTAINERID=c-${pod} CNI_NETNS=/run/netns/${namespace} CNI_IFNAME=eth0 CNI_ARGS='IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=${pod}'`
    return this.sh(`echo '{"cniVersion":"0.3.1","name":"cilium"}' | env ${env} /opt/cni/bin/cilium-cni`)
  }
}

/** Until the check holds; fails with what it was last. */
export async function eventually<T>(
  withinMs: number,
  look: () => Promise<T>,
  holds: (value: T) => boolean,
): Promise<T> {
  const end = Date.now() + withinMs
  for (;;) {
    const value = await look()
    if (holds(value)) return value
    if (Date.now() > end) throw new Error(`after ${withinMs} ms still ${JSON.stringify(value)}`)
    await delay(50)
  }
}
