import { z } from 'zod'
import type { Evidence } from '../probes/evidence.ts'

/** A number that a finding rests on. */
export const figureSchema = z.object({
  what: z.string(),
  value: z.number(),
  unit: z.enum(['ms', '%', '/s', '/min', '/h', 'packets', 'count', 'rules']),
  /** 95 % confidence interval, in the same unit. */
  interval: z.tuple([z.number(), z.number()]).readonly().exactOptional(),
  /** From which value on it counts against the cluster, as its source says. */
  threshold: z.number().exactOptional(),
})
export type Figure = z.infer<typeof figureSchema>

/** One point of a report's checklist. `unknown`: not measured, and `figure` says why. */
export const pointSchema = z.object({
  claim: z.string(),
  holds: z.enum(['true', 'false', 'unknown']),
  figure: z.string(),
})
export type Point = z.infer<typeof pointSchema>

export const adviceSchema = z.object({
  text: z.string(),
  /** What it may cost. */
  warning: z.string().exactOptional(),
  /** To type. */
  command: z.string().exactOptional(),
  /** Ready for `kubectl apply -f -`. */
  manifest: z.string().exactOptional(),
})
export type Advice = z.infer<typeof adviceSchema>

/** Figures that are only read side by side: policies by namespace, timing by node. */
export const detailSchema = z.object({
  title: z.string(),
  head: z.array(z.string()).readonly(),
  /** Each as long as the head. */
  rows: z.array(z.array(z.string()).readonly()).readonly(),
})
export type Detail = z.infer<typeof detailSchema>

export const confidences = ['certain', 'likely', 'possible'] as const

/** What is wrong, by one rule: never without numbers. */
export const diagnosisSchema = z.object({
  /** Id of the rule. */
  rule: z.string(),
  /** One line: "kube-router refuses packets while it writes its rules". */
  title: z.string(),
  what: z.string(),
  /** Nodes, pods and policies it is about. */
  where: z.array(z.string()).readonly(),
  /** By the evidence; null: before it was watched. */
  sinceMs: z.number().nullable(),
  /** By the share of the points that hold of those that would have to; certain: each, and some measured directly. */
  confidence: z.enum(confidences),
  figures: z.tuple([figureSchema], figureSchema).readonly(),
  points: z.array(pointSchema).readonly(),
  details: z.array(detailSchema).readonly().exactOptional(),
  /** What, if seen, would show that it is not this. */
  disproof: z.string(),
  advice: z.array(adviceSchema).readonly(),
  /** Report, page, issue or code. */
  source: z.string(),
})
export type Diagnosis = z.infer<typeof diagnosisSchema>

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

/** The evidence does not show it, and nothing was missing to tell. */
export const silent: Judgement = { diagnosis: null, notMeasured: [] }
