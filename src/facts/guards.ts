import { z } from 'zod'
import type { Family } from './family.ts'

/** Guards that runs have left on a node (nodes/guard.ts), and whether one of them holds Cilium's agent down. */
export const guardsSchema = z.object({
  /** Names of the runs' folders. */
  runs: z.array(z.string()),
  holdsAgent: z.boolean(),
})
export type GuardsFacts = z.infer<typeof guardsSchema>

export const guardsFamily: Family<GuardsFacts> = {
  script: `
guards_runs() {
  for folder in /var/lib/cni-migrate/*/guard; do
    [ ! -e "$folder/armed" ] || { folder=\${folder%/guard}; printf '%s\\n' "\${folder##*/}"; }
  done
}
emit guards.runs guards_runs
emit guards.hold test -f /run/cilium
`,
  parse(sections) {
    return {
      runs: sections
        .text('guards.runs')
        .split('\n')
        .filter((run) => run !== ''),
      holdsAgent: sections.get('guards.hold')?.code === 0,
    }
  },
}
