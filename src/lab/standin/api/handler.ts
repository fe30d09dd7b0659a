import type { IncomingMessage, ServerResponse } from 'node:http'
import { parse } from 'yaml'
import { ApiError, type ApiObject } from '../context.ts'
import { discovery } from './discovery.ts'
import type { Evictions } from './eviction.ts'
import type { DeleteOptions, Operations } from './operations.ts'
import { jsonPatch, mergePatch, strategicMerge } from './patches.ts'
import { parseRequestPath, type RequestPath } from './request-path.ts'
import { apiVersionOf, type ResourceType } from './resources.ts'
import { parseSelectors } from './selectors.ts'
import { statusOf } from './status.ts'
import { serveWatch } from './watch.ts'

export interface ApiParts {
  operations: Operations
  evictions: Evictions
  /** `ip:6443`, for discovery. */
  address: string
  /** A container's log, from the node the pod runs on. */
  containerLog: (pod: ApiObject, container: string, tailLines: number | undefined) => Promise<string>
}

/** Answers one authenticated request of the Kubernetes API. */
export async function handleApi(parts: ApiParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const url = new URL(request.url ?? '/', 'https://localhost')
    const { operations } = parts
    const document = request.method === 'GET' ? discovery(url.pathname, operations.types(), parts.address) : undefined
    if (document) return sendJson(response, 200, document)
    const path = parseRequestPath(url.pathname)
    const resource = path && operations.type(path.group, path.version, path.plural)
    if (!path || !resource) throw new ApiError(404, 'the server could not find the requested resource')
    await dispatch({ parts, operations, path, resource, query: url.searchParams, request, response })
  } catch (error) {
    const { code, body } = statusOf(error)
    if (!response.headersSent) sendJson(response, code, body)
    else response.end()
  }
}

interface Call {
  parts: ApiParts
  operations: Operations
  path: RequestPath
  resource: ResourceType
  query: URLSearchParams
  request: IncomingMessage
  response: ServerResponse
}

async function dispatch(call: Call): Promise<void> {
  const { request, path, resource, response } = call
  const method = request.method ?? 'GET'
  if (path.subresource === 'log' && method === 'GET') return readLog(call)
  if (path.subresource === 'eviction' && method === 'POST') return evict(call)
  if (path.subresource === 'binding' && method === 'POST') return bind(call)
  if (path.subresource === 'scale') return scale(call)
  const part = path.subresource
  const isFinalize = part === 'finalize' && resource.kind === 'Namespace' && method === 'PUT'
  if (part !== undefined && part !== 'status' && !isFinalize)
    throw new ApiError(404, 'the server could not find the requested resource')
  if (method === 'GET') return path.name === undefined ? readMany(call) : sendJson(response, 200, await readOne(call))
  if (method === 'POST' && path.name === undefined)
    return sendJson(response, 201, await call.operations.create(call.resource, path.namespace, await readBody(request)))
  if (method === 'PUT' || method === 'PATCH') return sendJson(response, 200, await write(call))
  if (method === 'DELETE')
    return path.name === undefined ? deleteMany(call) : sendJson(response, 200, await deleteOne(call))
  throw new ApiError(405, 'the server does not allow this method on the requested resource')
}

const readOne = ({ operations, resource, path }: Call) => operations.get(resource, path.namespace, path.name ?? '')

function readMany(call: Call): void | Promise<void> {
  const { query, operations, resource, path, response } = call
  const selector = parseSelectors(query.get('labelSelector'), query.get('fieldSelector'))
  const watch = query.get('watch')
  if (watch !== null && watch !== 'false' && watch !== '0') {
    const version = query.get('resourceVersion')
    return serveWatch(
      operations.mirror,
      {
        resource,
        ...(path.namespace === undefined ? {} : { namespace: path.namespace }),
        selector,
        revision: version === null || version === '' ? undefined : Number(version),
        timeoutSeconds: Number(query.get('timeoutSeconds') ?? 3600),
        bookmarks: query.get('allowWatchBookmarks') === 'true',
      },
      response,
    )
  }
  return operations.list(resource, path.namespace).then(({ items, revision }) =>
    sendJson(response, 200, {
      kind: `${resource.kind}List`,
      apiVersion: apiVersionOf(resource),
      metadata: { resourceVersion: String(revision) },
      items: items.filter(selector),
    }),
  )
}

async function write(call: Call): Promise<ApiObject> {
  const { operations, resource, path, request, query } = call
  const name = path.name ?? ''
  const part = path.subresource === 'status' || path.subresource === 'finalize' ? path.subresource : undefined
  const body = await readBody(request)
  if (request.method === 'PUT')
    return operations.update(
      resource,
      path.namespace,
      name,
      () => ({ ...body, metadata: { ...body.metadata, name } }),
      part,
    )
  const type = (request.headers['content-type'] ?? '').split(';')[0]
  const change = (current: ApiObject): ApiObject => {
    const plain = withoutVersion(current, body)
    if (type === 'application/json-patch+json') return jsonPatch(plain, body as never) as ApiObject
    if (type === 'application/merge-patch+json' || resource.custom) return mergePatch(plain, body) as ApiObject
    return strategicMerge(plain, body) as ApiObject
  }
  if (type !== 'application/apply-patch+yaml') return operations.update(resource, path.namespace, name, change, part)
  try {
    return await operations.update(resource, path.namespace, name, change, part)
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 404 || query.has('dryRun')) throw error
    return operations.create(resource, path.namespace, { ...body, metadata: { ...body.metadata, name } })
  }
}

/** A patch is for whatever version is there, unless it names one. */
function withoutVersion(current: ApiObject, patch: { metadata?: { resourceVersion?: string } }): ApiObject {
  if (patch.metadata?.resourceVersion !== undefined) return current
  const metadata = { ...current.metadata }
  delete metadata.resourceVersion
  return { ...current, metadata }
}

const deleteOptions = async ({ request, query }: Call) => deleteOptionsFrom(await readBody(request), query)

function deleteOptionsFrom(body: Partial<ApiObject>, query: URLSearchParams): DeleteOptions {
  const grace: unknown = query.get('gracePeriodSeconds') ?? body.gracePeriodSeconds
  const propagation: unknown = query.get('propagationPolicy') ?? body.propagationPolicy
  const uid: unknown = body.preconditions?.uid
  return {
    ...(grace === undefined || grace === null ? {} : { graceSeconds: Number(grace) }),
    ...(typeof uid === 'string' ? { uid } : {}),
    orphan: propagation === 'Orphan',
  }
}

async function deleteOne(call: Call): Promise<ApiObject> {
  return call.operations.delete(call.resource, call.path.namespace, call.path.name ?? '', await deleteOptions(call))
}

async function deleteMany(call: Call): Promise<void> {
  const { operations, resource, path, query, response } = call
  const selector = parseSelectors(query.get('labelSelector'), query.get('fieldSelector'))
  const options = await deleteOptions(call)
  const { items } = await operations.list(resource, path.namespace)
  for (const item of items.filter(selector)) {
    await operations.delete(resource, item.metadata.namespace, item.metadata.name, options).catch((error: unknown) => {
      if (!(error instanceof ApiError) || error.code !== 404) throw error
    })
  }
  sendJson(response, 200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' })
}

async function evict({ parts, path, query, response, request }: Call): Promise<void> {
  const { deleteOptions = {} } = await readBody(request)
  await parts.evictions.evict(path.namespace ?? '', path.name ?? '', deleteOptionsFrom(deleteOptions, query))
  sendJson(response, 201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 })
}

async function bind(call: Call): Promise<void> {
  const { operations, resource, path, request, response } = call
  const body = await readBody(request)
  await operations.update(resource, path.namespace, path.name ?? '', (pod) => ({
    ...pod,
    spec: { ...pod.spec, nodeName: body.target?.name },
  }))
  sendJson(response, 201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 })
}

async function scale(call: Call): Promise<void> {
  const { operations, resource, path, request, response } = call
  const body = request.method === 'GET' ? undefined : await readBody(request)
  const object =
    body === undefined
      ? await readOne(call)
      : await operations.update(resource, path.namespace, path.name ?? '', (current) => ({
          ...current,
          spec: { ...current.spec, replicas: body.spec?.replicas },
        }))
  const { name, namespace, uid, resourceVersion } = object.metadata
  sendJson(response, 200, {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion },
    spec: { replicas: object.spec.replicas },
    status: { replicas: object.status?.replicas ?? 0 },
  })
}

async function readLog(call: Call): Promise<void> {
  const { query, response, parts } = call
  const pod = await readOne(call)
  const container = query.get('container') ?? pod.spec.containers[0].name
  const tail = query.get('tailLines')
  const text = await parts.containerLog(pod, container, tail === null ? undefined : Number(tail))
  response.writeHead(200, { 'content-type': 'text/plain' })
  response.end(text)
}

export function sendJson(response: ServerResponse, code: number, body: object): void {
  const text = JSON.stringify(body)
  response.writeHead(code, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

/** The request's body, as JSON or YAML (which contains it); an empty one is an empty object. */
export async function readBody(request: IncomingMessage): Promise<ApiObject> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString('utf8')
  try {
    if (text === '') return {} as ApiObject
    return request.headers['content-type']?.includes('yaml') ? parse(text) : JSON.parse(text)
  } catch (error) {
    throw new ApiError(400, `the object provided is unrecognized: ${String(error)}`)
  }
}
