import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { down, list, up } from '../../src/lab/lab.ts'

const name = 'demo'
const program = new URL('../../src/lab/demo.ts', import.meta.url).pathname

afterEach(async () => {
  if (list().some((lab) => lab.name === name)) await down(name)
})

/** @param terminateAt text in the output at which it is sent SIGTERM */
function demonstrate(terminateAt?: string): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let asked = false
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (terminateAt === undefined || asked || !output.includes(terminateAt)) return
      asked = true
      child.kill('SIGTERM')
    })
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output }))
  })
}

/** What of the lab is on this machine, by other means than the demonstration's own. */
function leftovers(): string[] {
  const processes = readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      // The dead whom nobody has asked for yet have no command line.
      const isAlive = readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== ''
      const isOurs = readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(`cni-migrate-lab.${name}.`)
      return isAlive && isOurs ? [`process ${pid}`] : []
    } catch {
      return []
    }
  })
  const namespaces = existsSync('/run/netns') ? readdirSync('/run/netns') : []
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n')
  return [
    ...processes,
    ...[...namespaces, ...mounts].filter((line) => /lab-demo-([sa]\d|bridge|operator)/.test(line)),
    ...(existsSync(`/var/lib/cni-migrate-lab/${name}`) ? ['its folder'] : []),
  ]
}

test('migrates, is killed, resumes, compares, and leaves nothing', async () => {
  const { code, output } = await demonstrate()
  expect(code, output).toBe(0)
  const inOrder = [
    'lab "demo" is up',
    '+flannel-backend: none',
    'Killed with SIGKILL',
    'tasks in doubt',
    'resuming run',
    'the run is finished',
    'all of them do now',
    'Nothing to do',
    'lab "demo" is gone',
  ]
  const places = inOrder.map((text) => output.indexOf(text))
  expect(places).not.toContain(-1)
  expect(places).toEqual(places.toSorted((a, b) => a - b))
  const pods = (of: string) => new RegExp(`address of ${of} .*?(\\d+) +(\\d+) *$`, 'm').exec(output)?.slice(1)
  expect(pods('flannel')).toEqual(['12', '0'])
  expect(pods('Cilium')).toEqual(['0', '12'])
  expect(leftovers()).toEqual([])
})

test('terminated half-way, it takes the lab away and says that it was not finished', async () => {
  const { code, output } = await demonstrate('every node answers ssh')
  expect(code, output).toBe(130)
  expect(output).toMatch(/lab "demo" is gone[\s\S]*interrupted/)
  expect(leftovers()).toEqual([])
})

test("a lab of that name that was there before is somebody's: it is not touched", async () => {
  await up({ name, servers: 1, agents: 0, cluster: false })
  const { code, output } = await demonstrate()
  expect(code).toBe(2)
  expect(output).toContain('lab "demo" is on this machine already')
  expect(list().find((lab) => lab.name === name)?.nodes[0]?.pid).toBeTypeOf('number')
})
