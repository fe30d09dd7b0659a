import { type Handler, noSpace, said } from './answer.ts'
import { mkdirs, removeEmpty } from './files.ts'

const takeLock: Handler = (_state, node, { args: [folder = '', owner = ''] }) => {
  if (node.diskFull) return noSpace
  const held = node.files[`${folder}/lock/owner`]
  if (held) return said(held.text)
  mkdirs(node, `${folder}/lock`)
  node.files[`${folder}/lock/owner`] = { text: owner, mode: 0o600 }
  return said('taken\n')
}

const inspectLock: Handler = (_state, node, { args: [folder = ''] }) =>
  said(node.files[`${folder}/lock/owner`]?.text ?? 'free\n')

const releaseLock: Handler = (_state, node, { args: [folder = '', nonce] }) => {
  if (!node.files[`${folder}/lock`]) return said('')
  if (node.files[`${folder}/lock/owner`]?.text.includes(`"nonce":"${nonce}"`)) {
    delete node.files[`${folder}/lock/owner`]
    removeEmpty(node, `${folder}/lock`)
    removeEmpty(node, folder)
  }
  return said('')
}

export const lockScripts: Readonly<Record<string, Handler>> = {
  'take-lock': takeLock,
  'inspect-lock': inspectLock,
  'release-lock': releaseLock,
}
