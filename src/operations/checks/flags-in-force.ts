import { z } from 'zod'
import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { effectiveFlags } from '../../facts/k3s-flags.ts'
import { about } from './finding.ts'

/** What the move changes or builds on. */
const watched = ['flannel-backend', 'disable-network-policy', 'disable-kube-proxy', 'cluster-cidr', 'service-cidr']

const words = z.string().transform((text, context): string[] => {
  try {
    return z.array(z.string()).parse(JSON.parse(text))
  } catch {
    context.issues.push({ code: 'custom', message: 'no list of words', input: text })
    return z.NEVER
  }
})

/** K3s splits `--flag=true` into two words: put together again, so that "false" is not taken for a word of its own. */
function joined(args: readonly string[]): string[] {
  const isTruth = (word: string | undefined) => word === 'true' || word === 'false'
  return args.flatMap((word, index) => {
    if (isTruth(word) && args[index - 1]?.startsWith('--')) return []
    return word.startsWith('--') && isTruth(args[index + 1]) ? [`${word}=${args[index + 1]}`] : [word]
  })
}

/**
 * What K3s was started with is what its files say now. It writes its arguments, files included, into an annotation of its node
 * at every start: an edit without a restart would take effect in the middle of the move.
 */
export function flagsInForce(facts: Facts): Finding[] {
  return Object.values(facts.nodes).flatMap((node): Finding[] => {
    if (node.unit.role !== 'server') return []
    const here = about('what the files say is in force', node.name)
    const annotation = facts.kube.nodes.find((one) => one.name === node.name)?.annotations['k3s.io/node-args']
    const args = words.safeParse(annotation)
    if (!args.success)
      return [
        here.unsure(
          'its node has no annotation k3s.io/node-args',
          'see that K3s was restarted after the last edit of its files',
        ),
      ]
    const { flags } = node.k3s
    const started = effectiveFlags({
      role: 'server',
      args: { words: joined(args.data.slice(1)), from: '' },
      files: [],
      env: [],
    })
    const moved = watched.filter((key) => flags[key] !== undefined && flags[key].value !== started[key]?.value)
    return moved.length === 0
      ? [here.fine('as it was started')]
      : [
          here.blocks(
            moved
              .map(
                (key) => `${key} is ${flags[key]?.value} in ${flags[key]?.from}, K3s runs with ${started[key]?.value}`,
              )
              .join('; '),
            'restart K3s there, or take the edit back',
          ),
        ]
  })
}
