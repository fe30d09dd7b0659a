import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect } from 'vitest'
import { loadFacts } from '../../src/cli/facts-file.ts'
import { planFrom } from '../../src/cli/planning.ts'
import type { RunbookFlags } from '../../src/cli/runbook-options.ts'
import type { Facts } from '../../src/facts/facts.ts'
import { planText } from '../../src/report/plan-text.ts'
import { fixture } from '../netfilter/fixtures.ts'
import { routedFacts } from '../operations/routed-facts.ts'
import { someFacts, someInventory } from '../operations/some-facts.ts'
import { hostile } from './support/cases.ts'
import { mutated, withNesting } from './support/mutations.ts'
import { cameOf, expectPrintable } from './support/oracle.ts'

const folder = mkdtempSync(join(tmpdir(), 'hostile-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = join(folder, 'facts.json')

/** Two nodes with rules, so that there is something to take away. */
function factsWithRules(): Facts {
  const facts = someFacts()
  for (const node of [facts.nodes.s1, facts.nodes.a1]) {
    if (node) {
      node.netfilter.rulesets['ip-nft'] = fixture('kube-router-2.6.3.rules').replaceAll(/^\[\d+:\d+\] /gm, '')
      node.netfilter.ipsets = fixture('kube-router-2.6.3.ipset')
    }
  }
  return facts
}

const moves = fc.tuple(
  mutated(factsWithRules()),
  fc.constantFrom<RunbookFlags>(
    { runbook: 'k3s-flannel-to-cilium', order: 'staged' },
    { runbook: 'k3s-flannel-to-cilium', order: 'seed' },
    { runbook: 'kube-router-purge' },
  ),
)
/** A Cilium that is there, with values and a ConfigMap of somebody's. */
const changes = fc.tuple(
  mutated(routedFacts('tunnel')),
  fc.constantFrom<RunbookFlags>(
    { runbook: 'routing-mode-change', to: 'native' },
    { runbook: 'routing-mode-change', to: 'tunnel' },
    { runbook: 'cilium-revert-to-vxlan' },
  ),
)

hostile(
  'facts files: contents',
  fc.oneof({ weight: 3, arbitrary: moves }, { weight: 1, arbitrary: changes }),
  async ([value, flags]) => {
    writeFileSync(file, withNesting(JSON.stringify(value)))
    const plan = await cameOf(async () => planFrom(await loadFacts(file, someInventory), someInventory, flags))
    if (plan === null) return
    expectPrintable(planText(plan, { colour: false, width: 100, maxDiffLines: 24 }))
    // Nothing but what is kube-router's is named to iptables: a line of data never becomes a line of a script.
    const scripts = plan.steps.flatMap(({ tasks }) => tasks.flatMap(({ rendering }) => rendering.diffs ?? []))
    for (const { subject, after } of scripts.filter((diff) => / input of iptables-restore/.test(diff.subject)))
      for (const line of (after ?? '').split('\n'))
        expect(line, subject).toMatch(
          /^(\*\w+|:(KUBE|FLANNEL|CNI|CILIUM)\S+ - \[0:0\]|-D .*|-X (KUBE|FLANNEL|CNI|CILIUM)\S+|COMMIT|)$/,
        )
  },
)
