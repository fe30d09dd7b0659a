import type { Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts, NodeFacts } from '../facts/facts.ts'
import { type RulesetName, rulesetNames } from '../facts/netfilter.ts'
import { parseIpsets, printIpsets } from '../netfilter/ipset.ts'
import { returnScript } from '../netfilter/return.ts'
import { parse } from '../netfilter/ruleset.ts'
import { restoreScript } from '../netfilter/tools.ts'
import { mustRun, scriptWithInput } from '../nodes/run.ts'
import { textOf } from '../nodes/text.ts'
import { netfilterPurged, type PurgeChange } from './netfilter-purged.ts'
import type { World } from './world.ts'

async function savedText(world: World, target: string, name: string): Promise<string> {
  const bytes = await world.backups.get(target, name)
  if (bytes === null) throw new FailedError(`the run's folder has no backup of ${name}`, { host: target })
  return textOf(bytes)
}

async function netfilterNow(world: World, target: string): Promise<NodeFacts['netfilter']> {
  const node = (await world.look(['netfilter'], [target])).nodes[target]
  if (node === undefined) throw new FailedError('no facts', { host: target })
  return node.netfilter
}

/** The sets first: rules name them. */
async function returnSets(world: World, target: string, names: readonly string[]): Promise<void> {
  const saved = parseIpsets(await savedText(world, target, 'ipsets.save'), `${target}: the backup ipsets.save`)
  const there = new Set(parseIpsets((await netfilterNow(world, target)).ipsets).map(({ name }) => name))
  const missing = saved.filter(({ name }) => names.includes(name) && !there.has(name))
  if (missing.length === 0) return
  await mustRun(world.nodes.get(target), {
    argv: ['ipset', 'restore'],
    stdin: printIpsets(missing),
    mode: 'write',
    timeoutMs: 60_000,
  })
}

/** What is still to be put back, by rule set. */
async function missingRules(world: World, target: string, change: PurgeChange): Promise<[RulesetName, string][]> {
  const { rulesets } = await netfilterNow(world, target)
  const scripts = await Promise.all(
    rulesetNames.map(async (name): Promise<[RulesetName, string][]> => {
      const removal = change.rulesets[name]
      if (removal === undefined) return []
      const saved = parse(await savedText(world, target, `${name}.rules`), `${target}: the backup ${name}.rules`)
      const script = returnScript(saved, parse(rulesets[name] ?? '', `${target}: ${name}`), removal)
      return script === '' ? [] : [[name, script]]
    }),
  )
  return scripts.flat()
}

async function putBack(world: World, target: string, change: PurgeChange): Promise<void> {
  await returnSets(world, target, change.ipsets)
  for (const [name, script] of await missingRules(world, target, change)) {
    await mustRun(world.nodes.get(target), {
      ...scriptWithInput('iptables-return', restoreScript, [name], script),
      mode: 'write',
      timeoutMs: 60_000,
    })
  }
  const left = (await missingRules(world, target, change)).map(([name]) => name)
  if (left.length > 0) throw new FailedError(`not all rules of ${left.join(', ')} are back`, { host: target })
}

/**
 * kube-router's rules and sets where nothing writes them any more (k3s#7244). As netfilterPurged, but for the way back: no
 * start of K3s would make them again, so they come from the run's backup, to the places where they stood.
 */
export const frozenRulesPurged: Operation<Facts, World, undefined, PurgeChange> = {
  ...netfilterPurged,
  name: 'netfilter.frozen-rules-purged',
  diff: (facts, target) => netfilterPurged.diff(facts, target, { owner: 'kube-router' }),
  undo: { how: "puts the rules and sets back, as the run's backup has them", run: putBack },
}
