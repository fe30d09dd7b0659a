import { accessSync, chmodSync, constants, copyFileSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { InputError } from '../errors.ts'
import { nodeDir } from './layout.ts'
import { type Machine, makeOwnFolder } from './node.ts'

/** A K3s of the user's own: the binary, and a folder of image archives for machines that cannot reach a registry. */
export interface RealK3s {
  binary: string
  images: string
}

// What K3s imports from agent/images at its start (docs.k3s.io, air-gap install); a .txt there is a list to pull.
const archive = /\.(tar|tar\.zst|tar\.zstd|tar\.gz|tgz|tar\.lz4|tar\.bz2|tbz)$/

/** Throws InputError unless both are there and look like what they are said to be. */
export function checkRealK3s(real: RealK3s): RealK3s {
  try {
    accessSync(real.binary, constants.R_OK)
  } catch {
    throw new InputError(`--k3s ${real.binary}: there is no such file that can be read`)
  }
  if (!statSync(real.binary).isFile()) throw new InputError(`--k3s ${real.binary}: expected the k3s program, a file`)
  if (!statSync(real.images, { throwIfNoEntry: false })?.isDirectory()) {
    throw new InputError(`--images ${real.images}: expected a folder of image archives`)
  }
  if (!readdirSync(real.images).some((name) => archive.test(name))) {
    throw new InputError(`--images ${real.images}: no image archive in it`, {
      next: 'put k3s-airgap-images-<arch>.tar.zst of the same K3s release there; the nodes can reach no registry',
    })
  }
  return real
}

/** Lays the binary and the archives down on a node that is off. */
export function placeRealK3s(real: RealK3s, machine: Machine): void {
  const dir = nodeDir(machine.lab, machine.name)
  makeOwnFolder(machine, '/usr/local/bin')
  const bin = `${dir}/upper/usr/local/bin`
  // A reflink where the file system can: the archives are the same on every node.
  copyFileSync(real.binary, `${bin}/k3s`, constants.COPYFILE_FICLONE)
  chmodSync(`${bin}/k3s`, 0o755)
  const images = `${dir}/rancher/k3s/agent/images`
  mkdirSync(images, { recursive: true, mode: 0o755 })
  for (const name of readdirSync(real.images)) {
    if (archive.test(name)) copyFileSync(join(real.images, name), join(images, name), constants.COPYFILE_FICLONE)
  }
}
