import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { about } from './finding.ts'

const supported = '/var/lib/rancher/k3s'

/** K3s keeps its data where the operations look for it: flannel's files, the token, the CNI directories. */
export function dataDirDefault(facts: Facts): Finding[] {
  return Object.values(facts.nodes).map(({ name, k3s }) => {
    const here = about("K3s' data is in its usual place", name)
    const dir = k3s.flags['data-dir']
    return dir === undefined || dir.value.replace(/\/+$/, '') === supported
      ? here.fine(supported)
      : here.blocks(
          `data-dir is ${dir.value} (${dir.from}); this tool changes and saves what is in ${supported} only`,
          `move it to ${supported} and take the flag out: nothing else is supported yet`,
        )
  })
}
