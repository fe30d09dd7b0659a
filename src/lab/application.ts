import { existsSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Application {
  /** What of this program the nodes see, read-only: [here, in the node]. */
  binds: [string, string][]
  /** The K3s stand-in's program in the node: a .ts file in a clone, a .js file in an installed package. */
  entry: string
  /** The program behind `migrate`, here. */
  commandLine: string
}

export function application(): Application {
  const here = fileURLToPath(import.meta.url)
  let root = dirname(here)
  while (!existsSync(join(root, 'package.json'))) root = dirname(root)
  const entry = join('/usr/lib/migrate-lab/app', dirname(here).slice(root.length), 'standin', `k3s${extname(here)}`)
  const binds: [string, string][] = [
    [root, '/usr/lib/migrate-lab/app'],
    [process.execPath, '/usr/lib/migrate-lab/bin/node'],
  ]
  // npm puts an installed package beside what it depends on; Node looks for that in the folders above.
  const parent = dirname(root)
  if (parent.endsWith('/node_modules')) binds.push([parent, '/usr/lib/migrate-lab/node_modules'])
  return { binds, entry, commandLine: join(dirname(here), '..', 'cli', `main${extname(here)}`) }
}
