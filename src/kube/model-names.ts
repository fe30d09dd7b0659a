interface Rule {
  from?: unknown
  _from?: unknown
}
interface MayBePolicy {
  kind?: string
  spec?: { ingress?: readonly Rule[] | null } | null
}

/**
 * The client's models call one field of the kinds that are used here otherwise than the API: `from` in the ingress rules of
 * a NetworkPolicy is `_from`. A policy without it would let everybody in.
 */
function renamed<T>(object: T, rename: (rule: Rule) => Rule): T {
  const { kind, spec } = object as MayBePolicy
  if (kind !== 'NetworkPolicy' || !Array.isArray(spec?.ingress)) return object
  return { ...object, spec: { ...spec, ingress: spec.ingress.map(rename) } }
}

/** An object out of the client's models, as the API has it. */
export const fromModel = <T>(object: T): T =>
  renamed(object, ({ _from, ...rule }) => (_from === undefined ? rule : { ...rule, from: _from }))

/** An object of the API, as the client's models want it. */
export const toModel = <T>(object: T): T =>
  renamed(object, ({ from, ...rule }) => (from === undefined ? rule : { ...rule, _from: from }))
