import { randomUUID } from 'node:crypto'
import { ApiError, type ApiObject } from '../context.ts'
import type { EtcdClient } from '../etcd/client.ts'
import { applyDefaults } from './defaults.ts'
import { type Mirror, parseObject } from './mirror.ts'
import { apiVersionOf, builtIn, builtInType, customTypes, keyOf, prefixOf, type ResourceType } from './resources.ts'

/** What deletion does: `graceSeconds` counts for pods only, `orphan` leaves dependents alive. */
export interface DeleteOptions {
  graceSeconds?: number
  orphan?: boolean
  uid?: string
}

const suffixAlphabet = 'bcdfghjklmnpqrstvwxz2456789'
export const randomSuffix = (length = 5): string =>
  Array.from({ length }, () => suffixAlphabet[Math.floor(Math.random() * suffixAlphabet.length)]).join('')

export const timestamp = (date = new Date()): string => date.toISOString().replace(/\.\d+/, '')

/** The verbs of the API on objects kept in etcd. Reads are linearizable: without a leader they time out, as real ones do. */
export class Operations {
  private readonly etcd: EtcdClient
  readonly mirror: Mirror

  constructor(etcd: EtcdClient, mirror: Mirror) {
    this.etcd = etcd
    this.mirror = mirror
  }

  types(): ResourceType[] {
    return [...builtIn, ...this.mirror.withPrefix('/registry/customresourcedefinitions/').flatMap(customTypes)]
  }

  type(group: string, version: string, plural: string): ResourceType | undefined {
    return this.types().find((type) => type.group === group && type.version === version && type.plural === plural)
  }

  async get(resource: ResourceType, namespace: string | undefined, name: string): Promise<ApiObject> {
    const found = await this.etcd.get(keyOf(resource, namespace, name))
    if (!found) throw notFound(resource, name)
    return present(resource, parseObject(found))
  }

  async list(resource: ResourceType, namespace?: string): Promise<{ items: ApiObject[]; revision: number }> {
    const { items, revision } = await this.etcd.list(prefixOf(resource, namespace))
    return { items: items.map((item) => present(resource, parseObject(item))), revision }
  }

  async create(resource: ResourceType, namespace: string | undefined, input: ApiObject): Promise<ApiObject> {
    const object = structuredClone(input)
    object.metadata ??= { name: '' }
    const generate: unknown = (object.metadata as { generateName?: unknown }).generateName
    object.metadata.name ||= typeof generate === 'string' ? `${generate}${randomSuffix()}` : ''
    const { name } = object.metadata
    if (!name) throw invalid(resource, '', 'metadata.name: Required value: name or generateName is required')
    if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name) && !resource.group.startsWith('rbac'))
      throw invalid(
        resource,
        name,
        `metadata.name: Invalid value: "${name}": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'`,
      )
    if (object.kind !== undefined && object.kind !== resource.kind)
      throw new ApiError(400, `${resource.kind} in version "${resource.version}" cannot be handled as a ${object.kind}`)
    if (resource.namespaced) {
      await this.requireNamespace(resource, namespace, name)
      object.metadata.namespace = namespace ?? ''
    } else delete object.metadata.namespace
    delete object.metadata.deletionTimestamp
    delete object.metadata.resourceVersion
    Object.assign(object.metadata, { uid: randomUUID(), creationTimestamp: timestamp(), generation: 1 })
    if (resource.status) delete object.status
    present(resource, object)
    applyDefaults(resource, object, (prefix) => this.mirror.withPrefix(prefix))
    const key = keyOf(resource, namespace, name)
    const revision = await this.etcd.put(key, JSON.stringify(object), { key, revision: 0 })
    if (revision === undefined) throw new ApiError(409, `${qualified(resource)} "${name}" already exists`)
    object.metadata.resourceVersion = String(revision)
    return object
  }

  /**
   * Changes one object by a function of what is there. With a resourceVersion in the result that is not the current one
   * the answer is a conflict; without one the change is tried again on the newer object.
   */
  async update(
    resource: ResourceType,
    namespace: string | undefined,
    name: string,
    change: (current: ApiObject) => ApiObject,
    subresource: 'status' | 'finalize' | 'all' | undefined = undefined,
  ): Promise<ApiObject> {
    const key = keyOf(resource, namespace, name)
    for (;;) {
      const found = await this.etcd.get(key)
      if (!found) throw notFound(resource, name)
      const current = present(resource, parseObject(found))
      const wanted = change(structuredClone(current))
      const version = wanted.metadata?.resourceVersion
      if (version !== undefined && version !== '' && version !== String(found.revision)) throw conflict(resource, name)
      if (wanted.metadata?.uid !== undefined && wanted.metadata.uid !== current.metadata.uid)
        throw conflict(resource, name)
      const next = settle(resource, current, wanted, subresource)
      const done = isFinished(resource, next)
      if (
        !done &&
        JSON.stringify({
          ...next,
          metadata: { ...next.metadata, resourceVersion: current.metadata.resourceVersion },
        }) === JSON.stringify(current)
      )
        return current
      delete next.metadata.resourceVersion
      const expected = { key, revision: found.revision }
      const revision = done
        ? await this.etcd.remove(key, expected)
        : await this.etcd.put(key, JSON.stringify(next), expected)
      if (revision === undefined) continue
      next.metadata.resourceVersion = String(revision)
      return next
    }
  }

  async delete(
    resource: ResourceType,
    namespace: string | undefined,
    name: string,
    options: DeleteOptions = {},
  ): Promise<ApiObject> {
    if (options.orphan === true) await this.orphanDependents(resource, namespace, name)
    return this.update(
      resource,
      namespace,
      name,
      (current) => {
        if (options.uid !== undefined && options.uid !== current.metadata.uid) throw conflict(resource, name)
        delete current.metadata.resourceVersion
        const grace = graceSeconds(resource, current, options.graceSeconds)
        const metadata = current.metadata as ApiObject['metadata'] & { deletionGracePeriodSeconds?: number }
        if (metadata.deletionTimestamp === undefined || grace < (metadata.deletionGracePeriodSeconds ?? 0)) {
          metadata.deletionTimestamp = timestamp(new Date(Date.now() + grace * 1000))
          metadata.deletionGracePeriodSeconds = grace
        }
        if (isNamespace(resource)) current.status = { ...current.status, phase: 'Terminating' }
        return current
      },
      'all',
    )
  }

  /** Takes one of a namespace's own finalizers away. With the last one it goes, if it is being deleted. */
  async finalize(name: string, finalizer: string): Promise<ApiObject> {
    const without = (current: ApiObject): ApiObject => {
      const finalizers: string[] = current.spec?.finalizers ?? []
      return { ...current, spec: { ...current.spec, finalizers: finalizers.filter((one) => one !== finalizer) } }
    }
    return this.update(builtInType('namespaces'), undefined, name, without, 'finalize')
  }

  /** Writes a record that is not an API object's own, as the API servers' leases under /registry/masterleases. */
  async putRecord(key: string, record: ApiObject): Promise<void> {
    await this.etcd.put(key, JSON.stringify(record))
  }

  private async requireNamespace(resource: ResourceType, namespace: string | undefined, name: string): Promise<void> {
    if (namespace === undefined || namespace === '')
      throw new ApiError(400, 'an empty namespace may not be set during creation')
    const key = `/registry/namespaces/${namespace}`
    const found = this.mirror.objects.get(key) ?? (await this.etcd.get(key))
    if (!found) throw new ApiError(404, `namespaces "${namespace}" not found`)
    if ('metadata' in found && found.metadata.deletionTimestamp !== undefined)
      throw new ApiError(
        403,
        `${qualified(resource)} "${name}" is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`,
      )
  }

  private async orphanDependents(resource: ResourceType, namespace: string | undefined, name: string): Promise<void> {
    const { uid } = (await this.get(resource, namespace, name)).metadata
    const isOwner = (reference: { uid: string }) => reference.uid === uid
    const types = this.types()
    for (const dependent of [...this.mirror.objects.values()].filter((other) =>
      other.metadata.ownerReferences?.some(isOwner),
    )) {
      const type = types.find((other) => apiVersionOf(other) === dependent.apiVersion && other.kind === dependent.kind)
      if (!type) continue
      await this.update(type, dependent.metadata.namespace, dependent.metadata.name, (current) => {
        current.metadata.ownerReferences = (current.metadata.ownerReferences ?? []).filter(
          (reference) => !isOwner(reference),
        )
        return current
      })
    }
  }
}

/** Keeps what a write may not touch, and counts the generation when the spec changes. */
function settle(
  resource: ResourceType,
  current: ApiObject,
  wanted: ApiObject,
  part: 'status' | 'finalize' | 'all' | undefined,
): ApiObject {
  if (part === 'finalize') return { ...current, spec: { ...current.spec, finalizers: wanted.spec?.finalizers ?? [] } }
  if (part === 'status')
    return {
      ...current,
      status: wanted.status,
      metadata: {
        ...current.metadata,
        annotations: wanted.metadata?.annotations ?? current.metadata.annotations,
        labels: wanted.metadata?.labels ?? current.metadata.labels,
      } as ApiObject['metadata'],
    }
  const next: ApiObject = { ...wanted, apiVersion: current.apiVersion, kind: current.kind }
  const { uid, creationTimestamp, name, namespace, generation } = current.metadata
  next.metadata = { ...wanted.metadata, name, ...(namespace === undefined ? {} : { namespace }) }
  Object.assign(next.metadata, { uid, creationTimestamp, generation })
  if (part !== 'all') {
    if (current.metadata.deletionTimestamp === undefined) delete next.metadata.deletionTimestamp
    else next.metadata.deletionTimestamp = current.metadata.deletionTimestamp
    if (resource.status && current.status !== undefined) next.status = current.status
    if (isNamespace(resource)) next.spec = current.spec
  }
  if (JSON.stringify(next.spec) !== JSON.stringify(current.spec)) next.metadata.generation = (generation ?? 1) + 1
  return next
}

const isNamespace = (resource: ResourceType) => resource.plural === 'namespaces' && !resource.custom

/** An object marked for deletion goes when nobody holds it any more: no finalizer, and no kubelet a pod's. */
function isFinished(resource: ResourceType, object: ApiObject): boolean {
  const metadata = object.metadata as ApiObject['metadata'] & { deletionGracePeriodSeconds?: number }
  if (metadata.deletionTimestamp === undefined || (metadata.finalizers ?? []).length > 0) return false
  if (isNamespace(resource) && (object.spec?.finalizers ?? []).length > 0) return false
  return (metadata.deletionGracePeriodSeconds ?? 0) === 0
}

function graceSeconds(resource: ResourceType, object: ApiObject, asked: number | undefined): number {
  if (resource.plural !== 'pods' || resource.custom) return 0
  if (!object.spec?.nodeName || object.status?.phase === 'Succeeded' || object.status?.phase === 'Failed') return 0
  return asked ?? object.spec.terminationGracePeriodSeconds ?? 30
}

function present(resource: ResourceType, object: ApiObject): ApiObject {
  object.apiVersion = apiVersionOf(resource)
  object.kind = resource.kind
  return object
}

const qualified = (resource: ResourceType) =>
  resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`
const notFound = (resource: ResourceType, name: string) =>
  new ApiError(404, `${qualified(resource)} "${name}" not found`)
const invalid = (resource: ResourceType, name: string, why: string) =>
  new ApiError(422, `${resource.kind} "${name}" is invalid: ${why}`)
const conflict = (resource: ResourceType, name: string) =>
  new ApiError(
    409,
    `Operation cannot be fulfilled on ${qualified(resource)} "${name}": the object has been modified; please apply your changes to the latest version and try again`,
  )
