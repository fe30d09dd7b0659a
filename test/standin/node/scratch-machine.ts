/** A machine in miniature: private mounts over /etc, /opt and /var, an own /run, network and process namespace. Root only. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { promisify } from 'node:util'
import type { ApiObject } from '../../../src/lab/standin/context.ts'
import type { Request } from './scratch-node.ts'

const boot = `set -e
mount --make-rprivate /
for d in etc opt var/lib var/log; do
  mkdir -p "$0/upper/$d" "$0/work/$d"
  mount -t overlay overlay -o "lowerdir=/$d,upperdir=$0/upper/$d,workdir=$0/work/$d" "/$d"
done
mount -t tmpfs tmpfs /run
ip link set lo up
ip link add uplink type veth peer name wire
ip addr add "$1/24" dev uplink
ip link set uplink up
ip link set wire up
echo up
exec sleep infinity`

export interface Ended {
  code: number
  stdout: string
  stderr: string
}

export class ScratchMachine {
  readonly folder: string
  readonly ip = '192.168.77.11'
  private init: ChildProcess | undefined
  private services: ChildProcess | undefined
  private replies: Interface | undefined
  /** What the services said on stderr. */
  journal = ''

  private constructor(folder: string) {
    this.folder = folder
  }

  static async make(): Promise<ScratchMachine> {
    const machine = new ScratchMachine(await mkdtemp(join(tmpdir(), 'standin-node-')))
    await machine.powerOn()
    return machine
  }

  async powerOn(): Promise<void> {
    await mkdir(this.folder, { recursive: true })
    const argv = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', boot]
    this.init = spawn('unshare', [...argv, this.folder, this.ip], { stdio: ['ignore', 'pipe', 'inherit'] })
    if (this.init.stdout === null) throw new Error('unshare has no stdout')
    await once(this.init.stdout, 'data')
  }

  /** Kills everything at once; files stay, /run and links do not. */
  async powerOff(): Promise<void> {
    const init = this.init
    if (init === undefined) return
    this.init = undefined
    const gone = once(init, 'exit')
    init.kill('SIGKILL')
    await gone
    this.services = undefined
  }

  async destroy(): Promise<void> {
    await this.powerOff()
    await rm(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }

  private async enter(argv: readonly string[]): Promise<string[]> {
    // unshare's child is the machine's PID 1.
    const { stdout } = await promisify(execFile)('pgrep', ['-P', String(this.init?.pid)])
    return ['--target', stdout.trim(), '--mount', '--net', '--pid', '--', ...argv]
  }

  async exec(...argv: string[]): Promise<Ended> {
    const args = await this.enter(argv)
    return new Promise((resolve) => {
      execFile('nsenter', args, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr })
      })
    })
  }

  crictl(...argv: string[]): Promise<Ended> {
    const entry = join(import.meta.dirname, 'crictl-entry.ts')
    return this.exec(process.execPath, entry, ...argv)
  }

  async start(backend: 'vxlan' | 'none' = 'vxlan'): Promise<void> {
    const entry = join(import.meta.dirname, 'scratch-node.ts')
    const argv = [process.execPath, entry, join(this.folder, 'api.json'), 's1', this.ip, backend]
    const services = spawn('nsenter', await this.enter(argv), { stdio: 'pipe' })
    services.stderr.on('data', (chunk: Buffer) => {
      this.journal += chunk.toString()
    })
    this.services = services
    this.replies = createInterface({ input: services.stdout })
    await once(this.replies, 'line')
  }

  /** As `systemctl stop`: the process ends, what it started stays. */
  async stop(): Promise<void> {
    const services = this.services
    if (services === undefined) return
    this.services = undefined
    const gone = once(services, 'exit')
    // nsenter forks for the process namespace and waits: the signal is for its child.
    const { stdout } = await promisify(execFile)('pgrep', ['-P', String(services.pid)])
    process.kill(Number(stdout.trim()), 'SIGTERM')
    await gone
  }

  async ask<T>(request: Request): Promise<T> {
    if (this.services === undefined || this.replies === undefined) throw new Error('the services are not running')
    const reply = once(this.replies, 'line')
    this.services.stdin?.write(`${JSON.stringify(request)}\n`)
    return JSON.parse((await reply)[0] as string) as T
  }

  put(path: string, object: ApiObject): Promise<ApiObject> {
    return this.ask({ op: 'put', path: `${path}/${object.metadata.name}`, object })
  }

  pods(): Promise<ApiObject[]> {
    return this.ask({ op: 'list', path: '/api/v1/pods' })
  }

  async fault(name: string, text: string): Promise<void> {
    await this.exec('mkdir', '-p', '/var/lib/migrate-lab/faults')
    const path = join(this.folder, 'fault')
    await writeFile(path, text)
    await this.exec('cp', path, `/var/lib/migrate-lab/faults/${name}`)
  }
}
