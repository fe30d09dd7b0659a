import type { Evidence } from '../probes/evidence.ts'

/** A number that a finding rests on. */
export interface Figure {
  what: string
  value: number
  unit: 'ms' | '%' | '/s' | '/min' | '/h' | 'packets' | 'count' | 'rules'
  /** 95 % confidence interval, in the same unit. */
  interval?: readonly [number, number]
  /** From which value on it counts against the cluster, as its source says. */
  threshold?: number
}

/** One point of a report's checklist. `unknown`: not measured, and `figure` says why. */
export interface Point {
  claim: string
  holds: 'true' | 'false' | 'unknown'
  figure: string
}

export interface Advice {
  text: string
  /** What it may cost. */
  warning?: string
  /** Ready for `kubectl apply -f -`. */
  manifest?: string
}

/** What is wrong, by one rule: never without numbers. */
export interface Diagnosis {
  /** Id of the rule. */
  rule: string
  /** One line: "kube-router refuses packets while it writes its rules". */
  title: string
  what: string
  /** Nodes, pods and policies it is about. */
  where: readonly string[]
  /** By the evidence; null: before it was watched. */
  sinceMs: number | null
  /** Share of the points that would have to hold that do; certain: each, and some measured directly. */
  confidence: 'certain' | 'likely' | 'possible'
  figures: readonly [Figure, ...Figure[]]
  points: readonly Point[]
  /** What, if seen, would show that it is not this. */
  disproof: string
  advice: readonly Advice[]
  /** Report, page, issue or code. */
  source: string
}

/** One cause and how it is recognised. Pure. */
export interface Rule {
  /** kebab-case, the file's name. */
  id: string
  title: string
  judge(evidence: Evidence): Judgement
}

export interface Judgement {
  /** null: the evidence does not show it. */
  diagnosis: Diagnosis | null
  /** What would have been needed to tell, and is missing. */
  notMeasured: readonly string[]
}
