import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import semver from 'semver'
import { parse } from 'yaml'
import type { ApiClient } from '../context.ts'
import { type ReleaseRequest, uninstall, upgradeInstall } from './helm.ts'
import { isMap, mergeValues, type Values } from './merge-values.ts'
import { releases } from './release.ts'
import { ChartError } from './values.ts'

/** Newest chart that `helm repo` would offer without a version. */
const defaultVersion = '1.17.6'
const knownVersions = '>=1.16.0 <1.20.0'

/** `--set a.b=c` and `--set-string a.b=c` among the job's arguments. */
export function valuesFromArguments(argv: readonly string[]): Values {
  let values: Values = {}
  for (const [index, word] of argv.entries()) {
    if (word !== '--set' && word !== '--set-string') continue
    const [path = '', ...rest] = (argv[index + 1] ?? '').split('=')
    const text = rest.join('=')
    const leaf: unknown = word === '--set' ? parse(text) : text
    const tree = path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), leaf)
    values = mergeValues(values, tree as Values)
  }
  return values
}

/** values*.yaml of every volume of the pod, in the order of their names: HelmChartConfig's come after HelmChart's. */
async function valuesFromVolumes(volumes: string): Promise<Values> {
  const files: string[] = []
  for (const volume of await readdir(volumes).catch(() => [])) {
    for (const name of await readdir(join(volumes, volume)).catch(() => [])) {
      if (/^values.*\.ya?ml$/.test(name)) files.push(join(volumes, volume, name))
    }
  }
  const texts = await Promise.all(files.sort().map((file) => readFile(file, 'utf8')))
  let values: Values = {}
  for (const [index, text] of texts.entries()) {
    const parsed: unknown = parse(text)
    if (parsed === null) continue
    if (!isMap(parsed)) throw new ChartError(`failed to parse ${files[index]}: a values file must hold a map`)
    values = mergeValues(values, parsed)
  }
  return values
}

/** The version of the chart that is asked for, without its `v`. */
export function chartVersion(chart: string, version: string, repo: string): string {
  const name =
    chart
      .replace(/\.tgz.*$/, '')
      .split('/')
      .pop() ?? ''
  if (!/^cilium(-v?\d.*)?$/.test(name)) {
    throw new ChartError(
      repo === '' ? `failed to download "${chart}"` : `chart "${chart}" not found in ${repo} repository`,
    )
  }
  const wanted = version.replace(/^v/, '') || /-v?(\d.*)$/.exec(name)?.[1] || defaultVersion
  if (semver.valid(wanted) === null || !semver.satisfies(wanted, knownVersions)) {
    throw new ChartError(
      `chart "${name}" matching ${version} not found in ${repo || 'https://helm.cilium.io'} index. (try 'helm repo update'): no chart version found for ${name}-${version}`,
    )
  }
  return wanted
}

export interface JobOptions {
  api: ApiClient
  env: Record<string, string | undefined>
  argv: readonly string[]
  print: (line: string) => void
}

/**
 * One run of a HelmChart's job, as klipper-helm's entry script goes: a release that is not `deployed` is removed first, or
 * with FAILURE_POLICY=abort left as it is, with an error.
 */
export async function runJob({ api, env, argv, print }: JobOptions): Promise<void> {
  const name = env.NAME ?? ''
  const namespace = env.TARGET_NAMESPACE || 'default'
  const command = argv.find((word) => !word.startsWith('-')) ?? env.COMMAND ?? 'install'
  if (command === 'delete') {
    print(`+ helm_v3 uninstall ${name} --namespace ${namespace} --wait`)
    if ((await releases(api, namespace, name)).length > 0) await uninstall(api, namespace, name)
    print(`release "${name}" uninstalled`)
    return
  }
  const [last] = await releases(api, namespace, name)
  if (last !== undefined && last.status !== 'deployed') {
    if (env.FAILURE_POLICY === 'abort') {
      throw new ChartError(`Helm release ${name} is in status "${last.status}"; aborting as requested by failurePolicy`)
    }
    print(`Uninstalling failed helm_v3 chart ${name}`)
    await uninstall(api, namespace, name)
  }
  const version = chartVersion(env.CHART ?? '', env.VERSION ?? '', env.REPO ?? '')
  const values = mergeValues(await valuesFromVolumes(env.STANDIN_VOLUMES ?? ''), valuesFromArguments(argv))
  const request: ReleaseRequest = { name, namespace, version, values }
  const release = await upgradeInstall(api, request)
  print(`Release "${name}" has been deployed. STATUS: deployed REVISION: ${release.revision} CHART: cilium-${version}`)
}
