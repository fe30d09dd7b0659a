import { healthy } from './healthy.ts'
import { home } from './home.ts'
import { processSpecific } from './process-specific.ts'
import { rejectGap } from './reject-gap.ts'
import { ruleConflict } from './rule-conflict.ts'
import type { Scenario } from './scenario.ts'
import { tarpit } from './tarpit.ts'

/** What `migrate lab up --scenario` can make, by name. */
export const scenarios = {
  healthy,
  'reject-gap': rejectGap,
  'process-specific': processSpecific,
  tarpit,
  'rule-conflict': ruleConflict,
  home,
} as const satisfies Record<string, Scenario>

export type ScenarioName = keyof typeof scenarios

export const scenarioNames = Object.keys(scenarios) as [ScenarioName, ...ScenarioName[]]
