import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The version in our package.json: two folders up in a clone, three in the built package. */
export function toolVersion(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const content: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      if (typeof content === 'object' && content !== null && 'name' in content && content.name === 'cni-migrate') {
        return 'version' in content ? String(content.version) : 'unknown'
      }
    } catch {
      // No package.json here: look further up.
    }
  }
  return 'unknown'
}
