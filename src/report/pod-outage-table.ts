import type { PodOutage } from '../probes/pod-outages.ts'
import { visible } from '../visible.ts'
import { duration } from './duration.ts'
import { table } from './table.ts'

/** How long each pod was not reached; those beyond `maxPods` are counted, the report has them all. */
export function podOutageTable(pods: readonly PodOutage[], width: number, maxPods = 20): string[] {
  const away = pods.filter(({ totalMs }) => totalMs > 0)
  if (pods.length === 0) return []
  const rows = away
    .slice(0, maxPods)
    .map(({ pod, totalMs, longestMs, failedAttempts, isBack }) => [
      visible(pod),
      duration(totalMs),
      duration(longestMs),
      `${failedAttempts}`,
      isBack ? '' : 'not back',
    ])
  const others = [
    ...(away.length > maxPods ? [`and ${away.length - maxPods} more, none longer`] : []),
    ...(pods.length > away.length
      ? [`${pods.length - away.length} of ${pods.length} pods were reached all the while`]
      : []),
  ]
  const head = ['pod', 'not reached for', 'longest', 'failed attempts', '']
  return [...(rows.length > 0 ? table([head, ...rows], width) : []), ...others]
}
