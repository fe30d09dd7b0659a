import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { ApiObject } from '../../../src/lab/standin/context.ts'

const folder = join(import.meta.dirname, '../../fixtures/k3s-1.21.3')

export function recording(path: string): string {
  return readFileSync(join(folder, path), 'utf8')
}

export function recordedObjects(path: string): ApiObject[] {
  return (parse(recording(path)) as { items: ApiObject[] }).items
}

/** Rules of an `iptables-save -c` without their counters. */
export function recordedRules(path: string): string[] {
  return recording(path)
    .split('\n')
    .filter((line) => line.startsWith('['))
    .map((line) => line.replace(/^\[\d+:\d+\] /, ''))
}

/** Members by set, from `ipset save`. */
export function recordedSets(path: string): Map<string, { type: string; members: string[] }> {
  const sets = new Map<string, { type: string; members: string[] }>()
  for (const line of recording(path).split('\n')) {
    const [verb, name = '', rest = '', ...more] = line.split(' ')
    if (verb === 'create') sets.set(name, { type: rest, members: [] })
    if (verb === 'add') sets.get(name)?.members.push([rest, ...more.filter((word) => word === 'nomatch')].join(' '))
  }
  return sets
}
