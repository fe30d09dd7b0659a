import { dirname } from 'node:path/posix'
import { sha256 } from '../../engine/digest.ts'
import type { FileState, NodeState } from '../cluster/state.ts'
import { failed, type Handler, noSpace, said } from './answer.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
export const digestAt = (node: NodeState, path: string): string => {
  const file = node.files[path]
  return file === undefined ? 'absent' : sha256(file.text)
}

export function mkdirs(node: NodeState, path: string): void {
  if (path === '/') return
  mkdirs(node, dirname(path))
  node.files[path] ??= { text: '', mode: 0o755, dir: true }
}

export const isEmpty = (node: NodeState, folder: string): boolean =>
  !Object.keys(node.files).some((path) => path.startsWith(`${folder}/`))

/** `rm -rf`. */
export function removeTree(node: NodeState, path: string): void {
  for (const one of Object.keys(node.files)) if (one === path || one.startsWith(`${path}/`)) delete node.files[one]
}

/** `rmdir`: only a folder with nothing in it. */
export function removeEmpty(node: NodeState, path: string): void {
  if (node.files[path]?.dir && isEmpty(node, path)) delete node.files[path]
}

const readFile: Handler = (_state, node, { args: [path = ''] }) => {
  const file = node.files[path]
  if (!file) return said('absent\n')
  if (file.dir) return failed('', 90)
  return said(`${file.mode.toString(8)} 0 0 ${Buffer.byteLength(file.text)}\n${base64(file.text)}\n`)
}

const sumFile: Handler = (_state, node, { args: [path = ''] }) => {
  const file = node.files[path]
  return file && !file.dir ? said(`${Buffer.byteLength(file.text)}\n${sha256(file.text)}  -\n`) : failed('', 90)
}

const readPiece: Handler = (_state, node, { args: [path = '', from = '1', length = '0'] }) => {
  const bytes = Buffer.from(node.files[path]?.text ?? '')
  return said(bytes.subarray(Number(from) - 1, Number(from) - 1 + Number(length)).toString('base64'))
}

const writeFile: Handler = (_state, node, { args, input }) => {
  const [path = '', before, after, mode = '644'] = args
  if (!node.files[dirname(path)]?.dir) return failed('', 92)
  if (node.files[path]?.dir) return failed('', 90)
  const now = digestAt(node, path)
  if (now !== before && now !== after) return failed('', 91)
  if (node.diskFull) return noSpace
  if (sha256(input) !== after) return failed('', 93)
  node.files[path] = { text: input, mode: Number.parseInt(mode, 8) }
  return said('')
}

const removeFile: Handler = (_state, node, { args: [path = '', before] }) => {
  const now = digestAt(node, path)
  if (now === 'absent') return said('')
  if (now !== before) return failed('', 91)
  delete node.files[path]
  return said('')
}

const removeFolder: Handler = (_state, node, { args: [path = ''] }) => {
  removeEmpty(node, path)
  return said('')
}

export const fileScripts: Readonly<Record<string, Handler>> = {
  'read-file': readFile,
  'sum-file': sumFile,
  'read-piece': readPiece,
  'write-file': writeFile,
  'remove-file': removeFile,
  'remove-folder': removeFolder,
}

const mkdir: Handler = (_state, node, { args }) => {
  if (args[0] !== '-p') throw new Error(`the simulator does not know mkdir ${args.join(' ')}`)
  if (node.diskFull) return noSpace
  for (const path of args.slice(1)) mkdirs(node, path)
  return said('')
}

const cp: Handler = (_state, node, { args: [option, from = '', to = ''] }) => {
  const file = node.files[from]
  if (option !== '-L') throw new Error(`the simulator does not know cp ${option}`)
  if (!file) return failed(`cp: cannot stat '${from}': No such file or directory`)
  if (node.diskFull) return noSpace
  node.files[to] = structuredClone<FileState>(file)
  return said('')
}

const rm: Handler = (_state, node, { args: [force, end, ...paths] }) => {
  if (force !== '-f' || end !== '--') throw new Error(`the simulator does not know rm ${force} ${end}`)
  for (const path of paths) delete node.files[path]
  return said('')
}

export const filePrograms: Readonly<Record<string, Handler>> = { mkdir, cp, rm }
