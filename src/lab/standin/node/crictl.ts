import { createHash } from 'node:crypto'
import { parseArgs } from 'node:util'
import { callRuntime, RuntimeDown, runtimeSocket } from './runtime/server.ts'
import type { ContainerState, SandboxState } from './runtime/state.ts'

interface Flags {
  output: string | undefined
  quiet: boolean
  state: string | undefined
  name: string | undefined
  namespace: string | undefined
  all: boolean
  force: boolean
}

/** `k3s crictl`: the subcommands and the JSON that a migration uses. Returns the exit code. */
export async function crictl(argv: string[]): Promise<number> {
  const [command = '', ...rest] = argv
  try {
    const { values, positionals } = parseArgs({
      args: rest,
      allowPositionals: true,
      options: {
        output: { type: 'string', short: 'o' },
        quiet: { type: 'boolean', short: 'q', default: false },
        state: { type: 'string', short: 's' },
        name: { type: 'string' },
        namespace: { type: 'string' },
        all: { type: 'boolean', short: 'a', default: false },
        force: { type: 'boolean', short: 'f', default: false },
      },
    })
    const flags: Flags = { output: undefined, state: undefined, name: undefined, namespace: undefined, ...values }
    return await dispatch(command, positionals, flags)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const said =
      error instanceof RuntimeDown
        ? `validate service connection: validate CRI v1 runtime API for endpoint "unix://${runtimeSocket}": ${message}`
        : message
    console.error(
      `time=${JSON.stringify(new Date().toISOString().replace(/\.\d+/, ''))} level=fatal msg=${JSON.stringify(said)}`,
    )
    return 1
  }
}

async function dispatch(command: string, ids: string[], flags: Flags): Promise<number> {
  switch (command) {
    case 'pods':
      return printPods(
        (await callRuntime('sandboxes', {})).filter((sandbox) => isWanted(sandbox, flags)),
        flags,
      )
    case 'ps':
      return printContainers(await callRuntime('sandboxes', {}), flags)
    case 'inspectp':
      return inspect(ids)
    case 'stopp':
      return each(ids, 'stop', 'stopping the pod sandbox', 'Stopped sandbox')
    case 'rmp':
      if (flags.force) await Promise.all(ids.map((id) => callRuntime('stop', { id })))
      return each(ids, 'remove', 'removing the pod sandbox', 'Removed sandbox')
    case 'images':
    case 'image':
      return printImages(await callRuntime('images', {}), flags)
    case 'pull':
      console.log(`Image is up to date for ${imageId(await callRuntime('pull', { image: ids[0] ?? '' }))}`)
      return 0
    case 'rmi':
      for (const image of ids) {
        await callRuntime('removeImage', { image })
        console.log(`Deleted: ${image}`)
      }
      return 0
    default:
      throw new Error(`crictl ${command}: not part of the practice cluster's crictl`)
  }
}

function isWanted(sandbox: SandboxState, flags: Flags): boolean {
  if (flags.state !== undefined && sandbox.ready !== (flags.state.toLowerCase() === 'ready')) return false
  if (flags.name !== undefined && !new RegExp(flags.name).test(sandbox.name)) return false
  return flags.namespace === undefined || sandbox.namespace === flags.namespace
}

async function each(ids: readonly string[], method: 'stop' | 'remove', doing: string, done: string): Promise<number> {
  for (const id of ids) {
    try {
      await callRuntime(method, { id })
    } catch (error) {
      if (error instanceof RuntimeDown) throw error
      throw new Error(
        `${doing} "${id}": rpc error: code = Unknown desc = ${error instanceof Error ? error.message : error}`,
      )
    }
    console.log(`${done} ${id}`)
  }
  return 0
}

function podState(sandbox: SandboxState): string {
  return sandbox.ready ? 'SANDBOX_READY' : 'SANDBOX_NOTREADY'
}

function nanoseconds(ms: number): string {
  return `${ms}000000`
}

function podMetadata(sandbox: SandboxState) {
  const { name, uid, namespace, attempt } = sandbox
  return { attempt, name, namespace, uid }
}

function printPods(sandboxes: readonly SandboxState[], flags: Flags): number {
  if (flags.output === 'json') {
    const items = sandboxes.map((sandbox) => ({
      annotations: sandbox.annotations,
      createdAt: nanoseconds(sandbox.createdAtMs),
      id: sandbox.id,
      labels: sandbox.labels,
      metadata: podMetadata(sandbox),
      runtimeHandler: '',
      state: podState(sandbox),
    }))
    console.log(JSON.stringify({ items }, null, 2))
  } else if (flags.quiet) {
    for (const sandbox of sandboxes) console.log(sandbox.id)
  } else {
    const header = ['POD ID', 'CREATED', 'STATE', 'NAME', 'NAMESPACE', 'ATTEMPT', 'RUNTIME']
    const rows = sandboxes.map((sandbox) => [
      sandbox.id.slice(0, 13),
      ago(sandbox.createdAtMs),
      sandbox.ready ? 'Ready' : 'NotReady',
      sandbox.name,
      sandbox.namespace,
      String(sandbox.attempt),
      '(default)',
    ])
    console.log(table([header, ...rows]))
  }
  return 0
}

async function inspect(ids: readonly string[]): Promise<number> {
  const all = await callRuntime('sandboxes', {})
  const found = ids.map((id) => {
    const sandbox = all.find((one) => one.id.startsWith(id))
    if (sandbox === undefined) {
      throw new Error(
        `getting the status of pod sandbox "${id}": rpc error: code = NotFound desc = an error occurred when try to find sandbox: not found`,
      )
    }
    return inspection(sandbox)
  })
  // One object for one sandbox, a list for more: crictl since 1.31.
  console.log(JSON.stringify(found.length === 1 ? found[0] : found, null, 2))
  return 0
}

function inspection(sandbox: SandboxState) {
  const types = ['pid', 'ipc', 'uts', 'mount', ...(sandbox.netns === null ? [] : ['network'])]
  return {
    info: {
      cniResult: sandbox.cniResult,
      image: 'docker.io/rancher/mirrored-pause:3.6',
      netNamespaceClosed: sandbox.netns !== null && sandbox.networkGone,
      runtimeSpec: {
        ociVersion: '1.2.1',
        linux: {
          namespaces: types.map((type) => (type === 'network' ? { type, path: sandbox.netns } : { type })),
        },
      },
      runtimeType: 'io.containerd.runc.v2',
    },
    status: {
      annotations: sandbox.annotations,
      createdAt: new Date(sandbox.createdAtMs).toISOString(),
      id: sandbox.id,
      labels: sandbox.labels,
      linux: {
        namespaces: { options: { ipc: 'POD', network: sandbox.netns === null ? 'NODE' : 'POD', pid: 'CONTAINER' } },
      },
      metadata: podMetadata(sandbox),
      network: { additionalIps: [], ip: sandbox.ip ?? '' },
      runtimeHandler: '',
      state: podState(sandbox),
    },
  }
}

function printContainers(sandboxes: readonly SandboxState[], flags: Flags): number {
  const found = sandboxes
    .flatMap((sandbox) => sandbox.containers.map((container) => ({ sandbox, container })))
    .filter(({ container }) => flags.all || container.finishedAtMs === null)
    .filter(({ container }) => flags.name === undefined || new RegExp(flags.name).test(container.name))
    .sort((a, b) => b.container.startedAtMs - a.container.startedAtMs)
  const state = (container: ContainerState): string => (container.finishedAtMs === null ? 'Running' : 'Exited')
  if (flags.output === 'json') {
    const containers = found.map(({ sandbox, container }) => ({
      annotations: { 'io.kubernetes.container.restartCount': String(container.attempt) },
      createdAt: nanoseconds(container.startedAtMs),
      id: container.id,
      image: {
        annotations: {},
        image: imageId(container.image),
        runtimeHandler: '',
        userSpecifiedImage: container.image,
      },
      imageRef: imageId(container.image),
      labels: {
        'io.kubernetes.container.name': container.name,
        'io.kubernetes.pod.name': sandbox.name,
        'io.kubernetes.pod.namespace': sandbox.namespace,
        'io.kubernetes.pod.uid': sandbox.uid,
      },
      metadata: { attempt: container.attempt, name: container.name },
      podSandboxId: sandbox.id,
      state: `CONTAINER_${state(container).toUpperCase()}`,
    }))
    console.log(JSON.stringify({ containers }, null, 2))
  } else if (flags.quiet) {
    for (const { container } of found) console.log(container.id)
  } else {
    const header = ['CONTAINER', 'IMAGE', 'CREATED', 'STATE', 'NAME', 'ATTEMPT', 'POD ID', 'POD', 'NAMESPACE']
    const rows = found.map(({ sandbox, container }) => [
      container.id.slice(0, 13),
      imageId(container.image).slice(7, 20),
      ago(container.startedAtMs),
      state(container),
      container.name,
      String(container.attempt),
      sandbox.id.slice(0, 13),
      sandbox.name,
      sandbox.namespace,
    ])
    console.log(table([header, ...rows]))
  }
  return 0
}

function printImages(images: readonly string[], flags: Flags): number {
  if (flags.output === 'json') {
    const items = images.map((image) => ({
      id: imageId(image),
      pinned: image.includes('mirrored-pause'),
      repoDigests: [`${image.replace(/:[^/:]*$/, '')}@${imageId(image)}`],
      repoTags: [image],
      size: '1',
      spec: null,
      uid: null,
      username: '',
    }))
    console.log(JSON.stringify({ images: items }, null, 2))
  } else if (flags.quiet) {
    for (const image of images) console.log(imageId(image))
  } else {
    const rows = images.map((image) => {
      const at = image.lastIndexOf(':')
      return [image.slice(0, at), image.slice(at + 1), imageId(image).slice(7, 20), '1B']
    })
    console.log(table([['IMAGE', 'TAG', 'IMAGE ID', 'SIZE'], ...rows]))
  }
  return 0
}

/** An id that is the same on every node for the same reference; there is no content it could be the digest of. */
function imageId(image: string): string {
  return `sha256:${createHash('sha256').update(image).digest('hex')}`
}

function ago(ms: number): string {
  const seconds = Math.max(0, Math.round((Date.now() - ms) / 1000))
  if (seconds < 60) return `${seconds} seconds ago`
  if (seconds < 120) return 'About a minute ago'
  if (seconds < 3600) return `${Math.round(seconds / 60)} minutes ago`
  return seconds < 7200 ? 'About an hour ago' : `${Math.round(seconds / 3600)} hours ago`
}

function table(rows: readonly string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd((widths[column] ?? 0) + 4))
        .join('')
        .trimEnd(),
    )
    .join('\n')
}
