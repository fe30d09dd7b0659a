import type { Plan, PlannedStep } from '../engine/model.ts'
import { visible } from '../visible.ts'
import { duration } from './duration.ts'
import { unifiedDiff } from './file-diff.ts'
import {
  alike,
  countFindings,
  guardText,
  isEffective,
  mayChange,
  paramsText,
  sortFindings,
  summarise,
  targetsOf,
  undoText,
  unreadText,
} from './plan-summary.ts'

/** The plan for a change board: what, when it hurts, how it is undone, then every change in full. */
export function planMarkdown(plan: Plan): string {
  const summary = summarise(plan)
  const effective = plan.steps.filter(mayChange)
  const parts = [
    `# Change: ${plain(plan.runbook)} on the cluster ${plain(plan.cluster)}`,
    rows(
      [
        ['Plan', code(plan.id)],
        ['Made', `${plain(plan.createdAt)} by migrate ${plain(plan.toolVersion)}`],
        ['Parameters', plain(paramsText(plan.params))],
        ['Changes', `${summary.changes} in ${effective.length} of ${summary.steps} steps, in ${summary.phases} phases`],
        ['Nodes changed', summary.nodes.map(code).join(' ') || 'none'],
        ['Kubernetes objects changed', summary.changesCluster ? 'yes' : 'no'],
        ...summary.outages.map(({ what, expectedMs }) => [
          'Expected outage',
          `${plain(what)}: ${duration(expectedMs)}`,
        ]),
        ...summary.exposures.map(({ from, what }) => [`Open from ${code(from)} on`, plain(what)]),
        ...summary.pointsOfNoReturn.map(({ from, why }) => [`No return from ${code(from)} on`, plain(why)]),
        ['Digest of the changes', code(plan.changesDigest)],
        ['Digest of the facts', code(plan.factsDigest)],
        ['Digest of the inventory', code(plan.inventoryDigest)],
      ],
      ['', ''],
    ),
    `## What was found before: ${countFindings(plan.findings) || 'nothing'}`,
    plan.findings.length === 0
      ? ''
      : rows(
          sortFindings(plan.findings).map((finding) => [
            finding.level === 'fine' ? 'fine' : `**${finding.level}**`,
            plain(finding.target ?? ''),
            plain(`${finding.title}. ${finding.detail}`),
            plain(finding.fix ?? ''),
          ]),
          ['', 'On', 'Finding', 'To do'],
        ),
    '## Steps',
    plan.steps.length === 0
      ? 'Nothing to do: the cluster is already as the runbook wants it.'
      : rows(
          plan.steps.map((step, index) => [
            String(index + 1),
            plain(step.phaseTitle),
            plain(step.title),
            plain(targetsOf(step)),
            plain(step.membersUp ?? ''),
            step.outage && isEffective(step) ? `${plain(step.outage.what)}: ${duration(step.outage.expectedMs)}` : '',
            mayChange(step) ? wayBack(step) : '',
          ]),
          ['', 'Phase', 'Step', 'On', 'etcd members up', 'Expected outage', 'Way back'],
        ),
    ...(effective.length === 0 ? [] : ['## Every change', ...effective.map((step) => stepMarkdown(plan, step))]),
  ]
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`
}

function wayBack(step: PlannedStep): string {
  if (step.undo === undefined) return ''
  if ('impossible' in step.undo) return `**none**: ${plain(step.undo.impossible)}`
  return plain(undoText(step.undo))
}

function stepMarkdown(plan: Plan, step: PlannedStep): string {
  const about = [
    `### ${plan.steps.indexOf(step) + 1}. ${plain(step.title)}`,
    `- Why: ${plain(step.why)}`,
    `- Risk: ${plain(step.risk ?? 'none named')}`,
    `- Way back: ${wayBack(step) || 'none named'}`,
    ...(step.guard === undefined ? [] : [`- Guard: ${plain(guardText(step.guard))}`]),
  ]
  const [title = '', ...list] = about
  const unread = step.unread === undefined ? [] : [plain(unreadText(step.unread))]
  return [title, list.join('\n'), ...alike(step.tasks).map(taskMarkdown), ...unread].join('\n\n')
}

function taskMarkdown({ targets, rendering }: ReturnType<typeof alike>[number]): string {
  const diffs = (rendering.diffs ?? []).map(unifiedDiff).filter((diff) => diff.added + diff.removed > 0)
  return [
    `${targets.map(code).join(' ')}: ${plain(rendering.summary)}`,
    ...(rendering.notes ?? []).map((note) => `- ${plain(note)}`),
    ...diffs.map((diff) => fenced(diff.lines)),
  ].join('\n\n')
}

/** A code block whose fence is longer than any run of backticks in it, so that nothing in it can end it. */
function fenced(lines: readonly string[]): string {
  const longest = Math.max(
    2,
    ...lines.map((line) => Math.max(0, ...(line.match(/`+/g) ?? []).map((run) => run.length))),
  )
  const fence = '`'.repeat(longest + 1)
  return [`${fence}diff`, ...lines, fence].join('\n')
}

function rows(cells: readonly (readonly string[])[], head: readonly string[]): string {
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...cells.map(line)].join('\n')
}

/** Text that shows as it is: no markup, no HTML, no link, on one line. */
function plain(text: string): string {
  return visible(text).replace(/[\\`*_[\]<>|~#&]/g, (character) =>
    /[<>&|]/.test(character) ? `&#${character.charCodeAt(0)};` : `\\${character}`,
  )
}

/** A name in code; backticks and bars in it (no honest name has them) are spelt out. */
function code(text: string): string {
  return `\`${visible(text).replace(/[`|]/g, (character) => `\\x${character.charCodeAt(0).toString(16)}`)}\``
}
