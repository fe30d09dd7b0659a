import { run } from './command.ts'
import { normalizeImage } from './runtime/images.ts'
import { callRuntime, RuntimeDown } from './runtime/server.ts'

/** `k3s ctr images import FILE` and `images ls -q`; `-n NAMESPACE` is taken and ignored: there is k8s.io only. */
export async function ctr(argv: string[]): Promise<number> {
  const words = argv.filter((word, index) => word !== '-n' && argv[index - 1] !== '-n' && !word.startsWith('-'))
  const [noun, verb, file] = words
  try {
    if ((noun !== 'images' && noun !== 'image' && noun !== 'i') || (verb !== 'import' && verb !== 'ls')) {
      throw new Error(`${argv.join(' ')}: the practice cluster's ctr knows "images import FILE" and "images ls -q"`)
    }
    if (verb === 'ls') {
      console.log((await callRuntime('images', {})).join('\n'))
      return 0
    }
    const images = await namesIn(file ?? '')
    await callRuntime('import', { images })
    for (const image of images) console.log(`${image}    saved`)
    return 0
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    console.error(`ctr: ${error instanceof RuntimeDown ? `failed to dial: ${message}` : message}`)
    return 1
  }
}

/** The tags of a `docker save` or OCI archive: its manifest.json. */
async function namesIn(file: string): Promise<string[]> {
  const manifest = JSON.parse(await run(['tar', '-xOf', file, 'manifest.json'])) as { RepoTags?: string[] }[]
  return manifest.flatMap((entry) => entry.RepoTags ?? []).map(normalizeImage)
}
