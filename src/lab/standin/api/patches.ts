import { ApiError } from '../context.ts'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined }
type JsonMap = { [key: string]: Json | undefined }

const isMap = (value: unknown): value is JsonMap => typeof value === 'object' && value !== null && !Array.isArray(value)

/** RFC 7396. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch
  const result: JsonMap = isMap(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else result[key] = mergePatch(result[key], value) as Json
  }
  return result
}

/** Lists that a strategic merge (and a server-side apply) merges by a key of their entries; all others are replaced. */
const mergeKeys: Record<string, readonly string[]> = {
  containers: ['name'],
  initContainers: ['name'],
  env: ['name'],
  volumes: ['name'],
  volumeMounts: ['mountPath'],
  conditions: ['type'],
  ports: ['containerPort', 'port'],
  ownerReferences: ['uid'],
  addresses: ['type'],
  imagePullSecrets: ['name'],
  taints: ['key'],
}

export function strategicMerge(target: unknown, patch: unknown, field = ''): unknown {
  if (Array.isArray(patch)) return mergeLists(Array.isArray(target) ? target : [], patch, field)
  if (!isMap(patch)) return patch
  if (patch.$patch === 'replace') return Object.fromEntries(Object.entries(patch).filter(([key]) => key !== '$patch'))
  const result: JsonMap = isMap(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else if (!key.startsWith('$')) result[key] = strategicMerge(result[key], value, key) as Json
  }
  return result
}

function mergeLists(target: Json[], patch: Json[], field: string): Json[] {
  if (field === 'finalizers') return [...new Set([...target, ...patch])]
  const key = mergeKeys[field]?.find((name) => patch.every((entry) => isMap(entry) && entry[name] !== undefined))
  if (key === undefined) return patch
  const result = [...target]
  for (const entry of patch) {
    if (!isMap(entry)) continue
    const at = result.findIndex((other) => isMap(other) && other[key] === entry[key])
    if (entry.$patch === 'delete') {
      if (at >= 0) result.splice(at, 1)
    } else if (at >= 0) result[at] = strategicMerge(result[at], entry) as Json
    else result.push(entry)
  }
  return result
}

interface JsonPatchOperation {
  op: string
  path: string
  from?: string
  value?: unknown
}

/** RFC 6902. @throws {ApiError} 422 when a path does not exist or a test fails. */
export function jsonPatch(target: unknown, operations: readonly JsonPatchOperation[]): unknown {
  const root = { value: structuredClone(target) }
  for (const operation of operations) {
    if (operation.op === 'move' || operation.op === 'copy') {
      const value = structuredClone(find(root, operation.from ?? '').read())
      if (operation.op === 'move') find(root, operation.from ?? '').remove()
      find(root, operation.path).add(value)
    } else if (operation.op === 'test') {
      if (JSON.stringify(find(root, operation.path).read()) !== JSON.stringify(operation.value))
        throw new ApiError(
          422,
          `the server rejected our request due to an error in our request: test failed at ${operation.path}`,
        )
    } else if (operation.op === 'add') find(root, operation.path).add(operation.value)
    else if (operation.op === 'replace') find(root, operation.path).replace(operation.value)
    else if (operation.op === 'remove') find(root, operation.path).remove()
    else throw new ApiError(400, `unexpected kind: unknown operation ${operation.op}`)
  }
  return root.value
}

function find(root: { value: unknown }, pointer: string) {
  const parts = ['value', ...pointer.split('/').slice(1)].map((part) =>
    part.replaceAll('~1', '/').replaceAll('~0', '~'),
  )
  const last = parts.pop() ?? 'value'
  let holder: unknown = root
  for (const part of parts) holder = (holder as Record<string, unknown> | undefined)?.[part]
  if (typeof holder !== 'object' || holder === null) throw missing(pointer)
  const map = holder as Record<string, unknown>
  const mustExist = () => {
    if (!(last in map)) throw missing(pointer)
  }
  return {
    read: () => map[last],
    add: (value: unknown) => {
      if (!Array.isArray(holder)) map[last] = value
      else if (last === '-') holder.push(value)
      else holder.splice(Number(last), 0, value)
    },
    replace: (value: unknown) => {
      mustExist()
      map[last] = value
    },
    remove: () => {
      mustExist()
      if (Array.isArray(holder)) holder.splice(Number(last), 1)
      else delete map[last]
    },
  }
}

const missing = (pointer: string) =>
  new ApiError(422, `the server rejected our request due to an error in our request: no value at ${pointer}`)
