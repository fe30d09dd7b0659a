import { expect, it } from 'vitest'
import { builtIn } from '../../../src/lab/standin/api/resources.ts'
import type { ApiObject } from '../../../src/lab/standin/context.ts'
import { namespaces } from '../../../src/lab/standin/controllers/namespaces.ts'
import { object, viewOf } from './view.ts'

const dying = (status: object = {}) =>
  object('Namespace', 'm', { status }, { namespace: undefined, deletionTimestamp: 't' })
const actionsOf = (namespace: ApiObject, inside: ApiObject[]) =>
  namespaces(() => builtIn)(viewOf({ pods: [...inside, object('Pod', 'elsewhere')], namespaces: [namespace] }))

it('deletes what is inside, once, and says what remains and what holds it', () => {
  const inside = object('Pod', 'inside', {}, { namespace: 'm' })
  const held = object('ConfigMap', 'held', {}, { namespace: 'm', deletionTimestamp: 't', finalizers: ['a.example/b'] })
  const actions = actionsOf(dying(), [inside, held])
  expect(actions.map((action) => [action.do, 'name' in action ? action.name : ''])).toEqual([
    ['delete', 'inside'],
    ['status', 'm'],
  ])
  expect(actions[1]).toMatchObject({
    status: {
      conditions: [
        {
          type: 'NamespaceContentRemaining',
          status: 'True',
          message: 'Some resources are remaining: configmaps. has 1 resource instances, pods. has 1 resource instances',
        },
        {
          type: 'NamespaceFinalizersRemaining',
          status: 'True',
          message: 'Some content in the namespace has finalizers remaining: a.example/b in 1 resource instances',
        },
      ],
    },
  })
})

it('says it only when it has changed', () => {
  const held = object('ConfigMap', 'held', {}, { namespace: 'm', deletionTimestamp: 't', finalizers: ['a.example/b'] })
  const [said] = actionsOf(dying(), [held])
  expect(said).toMatchObject({ do: 'status' })
  expect(actionsOf(dying((said as { status: object }).status), [held])).toEqual([])
})

it('lets go of one that is empty', () => {
  expect(actionsOf(dying(), [])).toEqual([{ do: 'finalize', name: 'm' }])
})
