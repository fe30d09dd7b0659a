import { V1NetworkPolicyIngressRule } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { fromModel, toModel } from '../../src/kube/model-names.ts'

const policy = {
  kind: 'NetworkPolicy',
  spec: { podSelector: {}, ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 80 }] }, { ports: [] }] },
}

test("the field that the client's model renames is the one that is renamed back", () => {
  const map = V1NetworkPolicyIngressRule.getAttributeTypeMap()
  expect(map.filter(({ name, baseName }) => name !== baseName)).toMatchObject([{ name: '_from', baseName: 'from' }])
  expect(toModel(policy).spec.ingress[0]).toEqual({ _from: [{ podSelector: {} }], ports: [{ port: 80 }] })
  expect(fromModel(toModel(policy))).toEqual(policy)
})

test('other kinds, and policies without ingress rules, are left as they are', () => {
  for (const object of [
    { kind: 'ConfigMap', data: { _from: 'a' } },
    { kind: 'NetworkPolicy', spec: { ingress: null } },
  ]) {
    expect(fromModel(object)).toEqual(object)
    expect(toModel(object)).toEqual(object)
  }
})
