import { writeFileSync } from 'node:fs'
import { stringify } from 'yaml'
import type { PlannedNode } from './layout.ts'

/** Cilium's version in the lab's inventory: the one that the Cilium stand-in claims to be. */
const ciliumVersion = '1.17.6'

/** Writes inventory.yaml into the lab's folder; paths in it are relative to it. */
export function writeInventory(dir: string, lab: string, nodes: readonly PlannedNode[]): void {
  const inventory = {
    cluster: { name: lab },
    ssh: { user: 'root', identityFile: 'id_ed25519', knownHostsFile: 'known_hosts' },
    nodes: nodes.map(({ name, role, address }) => ({ name, role, address })),
    cilium: { version: ciliumVersion },
  }
  const head =
    '# The practice cluster. Its nodes are reached from `migrate lab shell` and `migrate lab exec -- CMD` only.\n'
  writeFileSync(`${dir}/inventory.yaml`, head + stringify(inventory), { mode: 0o600 })
}
