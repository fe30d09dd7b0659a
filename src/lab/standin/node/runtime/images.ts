import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { paths } from '../../context.ts'
import { readIfThere, writeWhole } from '../files.ts'
import { Queue } from '../tasks.ts'

const storeFile = join(paths.data, 'agent/standin-images.json')
const pullMs = 1000

export const pauseImage = 'docker.io/rancher/mirrored-pause:3.6'

/** A reference as containerd writes it in full. */
export function normalizeImage(reference: string): string {
  const slash = reference.indexOf('/')
  const first = slash < 0 ? '' : reference.slice(0, slash)
  const hasRegistry = /[.:]/.test(first) || first === 'localhost'
  const named = hasRegistry ? reference : slash < 0 ? `docker.io/library/${reference}` : `docker.io/${reference}`
  const last = named.slice(named.lastIndexOf('/') + 1)
  return /[:@]/.test(last) ? named : `${named}:latest`
}

/** Repository of a reference, without registry defaults, tag and digest: what the program table is keyed by. */
export function repositoryOf(reference: string): string {
  return normalizeImage(reference)
    .replace(/@.*$/, '')
    .replace(/:[^/:]*$/, '')
    .replace(/^docker\.io\/(library\/)?/, '')
}

/** The images "on the node": names only. There is nothing in them, the programs come with the lab. */
export class ImageStore {
  private readonly queue = new Queue()

  async list(): Promise<string[]> {
    const text = await readIfThere(storeFile)
    return text === null ? [pauseImage] : (JSON.parse(text) as string[])
  }

  async has(reference: string): Promise<boolean> {
    return (await this.list()).includes(withoutDigest(normalizeImage(reference)))
  }

  add(references: readonly string[]): Promise<void> {
    return this.queue.add(async () => {
      const all = new Set([...(await this.list()), ...references.map((one) => withoutDigest(normalizeImage(one)))])
      await writeWhole(storeFile, `${JSON.stringify([...all].sort(), null, 1)}\n`)
    })
  }

  /** Forgets images; one that is not there is an error, as crictl has it. */
  remove(reference: string): Promise<void> {
    return this.queue.add(async () => {
      const image = withoutDigest(normalizeImage(reference))
      const all = await this.list()
      if (!all.includes(image)) throw new Error(`no such image ${reference}`)
      await writeWhole(
        storeFile,
        `${JSON.stringify(
          all.filter((one) => one !== image),
          null,
          1,
        )}\n`,
      )
    })
  }

  /** Every image can be "pulled" but those with `missing` in their name. */
  async pull(reference: string): Promise<string> {
    const image = normalizeImage(reference)
    if (image.includes('missing')) {
      throw new Error(
        `failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`,
      )
    }
    if (!(await this.has(image))) {
      await delay(pullMs)
      await this.add([image])
    }
    return image
  }
}

function withoutDigest(image: string): string {
  return image.replace(/@sha256:.*$/, '')
}
