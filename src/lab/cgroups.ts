import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { until } from './host.ts'
import { cgroupOf, isCgroupOf } from './layout.ts'

/** Where this machine's cgroup trees are mounted: one with cgroup v2, one for each controller with v1, both when mixed. */
function cgroupTrees(): string[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').trim().split('\n')
  return mounts.flatMap((line) => {
    const [, path, type] = line.split(' ')
    return path !== undefined && (type === 'cgroup' || type === 'cgroup2') ? [path] : []
  })
}

/** Makes a cgroup for the node in every tree: without one of its own, systemd in the node would use ours. */
export function makeCgroups(lab: string, node: string): string[] {
  return cgroupTrees().map((tree) => {
    const dir = `${tree}/${cgroupOf(lab, node)}`
    mkdirSync(dir, { recursive: true })
    // A v1 cpuset takes no process before it has CPUs and memory.
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (existsSync(`${tree}/cgroup.clone_children`) && existsSync(`${dir}/${file}`)) {
        writeFileSync(`${dir}/${file}`, readFileSync(`${tree}/${file}`))
        writeFileSync(`${dir}/cgroup.clone_children`, '1')
      }
    }
    return dir
  })
}

/** Removes the lab's cgroups (of one node, or of all), once their processes are gone. */
export async function removeCgroups(lab: string, node?: string): Promise<void> {
  for (const tree of cgroupTrees()) {
    for (const name of readdirSync(tree)) {
      if (node === undefined ? isCgroupOf(lab, name) : name === cgroupOf(lab, node)) await removeTree(`${tree}/${name}`)
    }
  }
}

async function removeTree(dir: string): Promise<void> {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeTree(`${dir}/${entry.name}`)
  }
  // The kernel lets go of a cgroup a moment after its last process.
  await until({ waitingFor: () => `cgroup ${dir} to become empty`, timeoutMs: 10_000, everyMs: 20 }, () => {
    try {
      rmdirSync(dir)
      return true
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EBUSY' ? undefined : true
    }
  })
}
