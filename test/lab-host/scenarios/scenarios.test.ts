import ipaddr from 'ipaddr.js'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { InputError } from '../../../src/errors.ts'
import { imagesOf } from '../../../src/lab/images.ts'
import { up } from '../../../src/lab/lab.ts'
import { type Manifest, toYaml } from '../../../src/lab/scenarios/manifests.ts'
import { scenarioNames, scenarios } from '../../../src/lab/scenarios/scenarios.ts'

const nodes = ['s1', 's2', 's3', 'a1']

const schema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.object({ name: z.string(), namespace: z.string().optional() }),
  spec: z.looseObject({}).optional(),
})

/** All that a scenario applies, after a round through YAML. */
function objectsOf(name: (typeof scenarioNames)[number]) {
  const { objects, trouble = [] } = scenarios[name].workload(nodes, imagesOf())
  return parseAllDocuments(toYaml([...objects, ...trouble])).map((document) => schema.parse(document.toJS()))
}

const policiesOf = (name: (typeof scenarioNames)[number]) =>
  objectsOf(name).filter((object) => object.kind === 'NetworkPolicy')

const podSpec = z.object({
  affinity: z
    .object({
      nodeAffinity: z
        .object({
          requiredDuringSchedulingIgnoredDuringExecution: z.object({
            nodeSelectorTerms: z.tuple([
              z.object({ matchExpressions: z.tuple([z.object({ values: z.array(z.string()) })]) }),
            ]),
          }),
        })
        .optional(),
    })
    .optional(),
})
const set = z.object({ template: z.object({ spec: podSpec }) })

function podsOf({ kind, spec }: Pick<Manifest, 'kind' | 'spec'>): number {
  if (kind === 'Deployment') return z.object({ replicas: z.number() }).parse(spec).replicas
  if (kind !== 'DaemonSet') return 0
  const terms = set.parse(spec).template.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  return terms?.nodeSelectorTerms[0].matchExpressions[0].values.length ?? nodes.length
}

describe.each(scenarioNames)('%s', (name) => {
  test('each object has a name of its own, and a namespace that is made before it', () => {
    const objects = objectsOf(name)
    const keys = objects.map((object) => `${object.kind} ${object.metadata.namespace} ${object.metadata.name}`)
    expect(new Set(keys).size).toBe(keys.length)
    const made = objects.filter((object) => object.kind === 'Namespace').map((object) => object.metadata.name)
    for (const [index, { metadata }] of objects.entries()) {
      if (metadata.namespace === undefined || metadata.namespace === 'kube-system') continue
      expect(made).toContain(metadata.namespace)
      expect(keys.indexOf(`Namespace undefined ${metadata.namespace}`)).toBeLessThan(index)
    }
  })

  test('the pods that are waited for are those that it makes', () => {
    const { objects, pods } = scenarios[name].workload(nodes, imagesOf())
    expect(objects.reduce((sum, object) => sum + podsOf(object), 0)).toBe(pods)
  })

  test('no ipBlock admits a pod or a node: with Cilium it would stop doing so', () => {
    const blocks = z.object({ cidr: z.string(), except: z.array(z.string()).default([]) })
    const holds = (cidr: string, address: string) => ipaddr.parse(address).match(ipaddr.parseCIDR(cidr))
    JSON.stringify(policiesOf(name), (key, value) => {
      if (key !== 'ipBlock') return value
      const { cidr, except } = blocks.parse(value)
      for (const address of ['10.42.0.5', '10.52.0.5', '192.168.77.11'])
        expect(holds(cidr, address) && !except.some((hole) => holds(hole, address))).toBe(false)
      return value
    })
  })
})

test('home is the cluster of the report', () => {
  const policies = policiesOf('home')
  const inNamespace = (namespace: string) => policies.filter((one) => one.metadata.namespace === namespace)
  expect(policies).toHaveLength(130)
  expect(inNamespace('web')).toHaveLength(71)
  expect(inNamespace('automation')).toHaveLength(18)
  // "Only one NetworkPolicy selected the Home Assistant pod", and none of all of its namespace's.
  const selected = inNamespace('automation').map((one) => JSON.stringify(one.spec?.podSelector))
  expect(selected.filter((text) => /"app":"homeassistant"/.test(text) || text === '{}')).toHaveLength(1)
  const cronJobs = objectsOf('home').filter((object) => object.kind === 'CronJob')
  expect(cronJobs.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)).toEqual(
    expect.arrayContaining(['infra/home-ip-updater', 'monitoring/cloudfront-to-loki', 'monitoring/agilepoker-to-loki']),
  )
})

test('seed 001 has no policy anywhere, nor has the conflict of seed 004', () => {
  expect(policiesOf('process-specific')).toEqual([])
  expect(policiesOf('rule-conflict')).toEqual([])
})

test('what a scenario cannot show itself with is refused before anything is made', async () => {
  await expect(up({ name: 'refused', scenario: 'home', servers: 1 })).rejects.toThrow('needs 3 nodes')
  await expect(up({ name: 'refused', scenario: 'rule-conflict', iptables: 'nft' })).rejects.toThrow(InputError)
  const k3s = { binary: '/bin/sh', images: '/tmp' }
  await expect(up({ name: 'refused', scenario: 'tarpit', k3s })).rejects.toThrow(/only the stand-in has/)
})
