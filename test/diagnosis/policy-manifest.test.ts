import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { additionTo, policyManifest } from '../../src/diagnosis/policy-manifest.ts'
import { policySpecSchema } from '../../src/facts/policies.ts'

const objectSchema = z.object({
  kind: z.string(),
  metadata: z.object({ namespace: z.string(), name: z.string() }),
  spec: policySpecSchema,
})

/** The policies that were recorded on a real cluster. */
function recorded() {
  const file = new URL('../fixtures/k3s-1.21.3/A-running/kube/netpol.yaml', import.meta.url)
  const documents = parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS() as unknown)
  const lists = documents.flatMap(
    (one) => z.object({ items: z.array(z.unknown()) }).safeParse(one).data?.items ?? [one],
  )
  return lists.map((one) => objectSchema.parse(one)).map(({ metadata, spec }) => ({ ...metadata, spec }))
}

test('a policy comes back from its manifest as it was, with its types said', () => {
  const policies = recorded()
  expect(policies.length).toBeGreaterThan(50)
  for (const policy of policies) {
    const back = objectSchema.parse(parse(policyManifest(policy)))
    const types = policy.spec.policyTypes ?? (policy.spec.egress.length > 0 ? ['Ingress', 'Egress'] : ['Ingress'])
    expect(back).toEqual({
      kind: 'NetworkPolicy',
      metadata: { namespace: policy.namespace, name: policy.name },
      spec: { ...policy.spec, policyTypes: types },
    })
  }
})

test('a rule that allows everything is not mistaken for none', () => {
  const open = policySpecSchema.parse({ podSelector: {}, policyTypes: ['Egress'], egress: [{}] })
  expect(parse(policyManifest({ namespace: 'a', name: 'b', spec: open })).spec).toEqual({
    podSelector: {},
    policyTypes: ['Egress'],
    egress: [{}],
  })
  const denied = policySpecSchema.parse({ podSelector: {}, policyTypes: ['Egress'] })
  expect(parse(policyManifest({ namespace: 'a', name: 'b', spec: denied })).spec.egress).toEqual([])
})

// A label's key begins with a letter or a digit; the facts' schema drops this one, as JSON's own trap.
const key = fc.string().filter((text) => text !== '__proto__')

test('whatever labels say, they stay what they are: nothing of them becomes YAML', () => {
  fc.assert(
    fc.property(fc.dictionary(key, fc.string()), fc.string(), (matchLabels, name) => {
      const spec = policySpecSchema.parse({ podSelector: { matchLabels } })
      const { metadata, spec: back } = parse(additionTo({ namespace: 'a', name, spec }, 'test', {}).manifest)
      expect(metadata).toEqual({
        name: `${name.slice(0, 248)}-test`,
        namespace: 'a',
        labels: { 'app.kubernetes.io/managed-by': 'cni-migrate' },
      })
      expect(back.podSelector).toEqual(Object.keys(matchLabels).length === 0 ? {} : { matchLabels })
    }),
  )
})
