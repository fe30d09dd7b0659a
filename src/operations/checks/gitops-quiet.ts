import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { about, orFine, some } from './finding.ts'

/** What puts objects back, or makes pods, by itself. Flux and CronJobs are suspended by the run; Argo CD cannot be. */
export function gitopsQuiet(facts: Facts): Finding[] {
  const title = 'nothing puts back what is changed'
  const applications = facts.obstacles?.argo ?? []
  const found: Finding[] = []
  if (facts.obstacles === undefined)
    found.push(about(title).unsure('Argo CD was not looked for when these facts were read', 'read the facts anew'))
  const unread = facts.obstacles?.unread.Application
  if (unread !== undefined)
    found.push(about(title).unsure(`Argo CD's Applications could not be read: ${unread}`, 'look for yourself'))
  if (applications.length > 0)
    found.push(
      about(title).warns(
        `Argo CD synchronises by itself: ${some(applications.map((one) => `${one.namespace}/${one.name}`))}`,
        'switch automated sync off until the move is done: kubectl -n argocd scale statefulset argocd-application-controller --replicas 0',
      ),
    )
  const cilium = facts.kube.flux.filter(({ kind, name }) => kind === 'HelmRelease' && name === 'cilium')
  if (cilium.length > 0)
    found.push(
      about(title).warns(
        `Flux has a HelmRelease ${cilium.map((one) => `${one.namespace}/${one.name}`).join(', ')}: after the move it would install its own values over these`,
        'let it say what the inventory says before it is resumed',
      ),
    )
  const active = facts.kube.flux.filter((one) => !one.suspended).length
  const jobs = facts.kube.cronJobs.filter((one) => !one.suspended)
  const fine = [`${active} objects of Flux`, `${jobs.length} CronJobs`].join(' and ')
  return [
    ...orFine(found, title, 'no Argo CD that synchronises by itself'),
    about('what churns is suspended').fine(`the run suspends and resumes ${fine}`),
  ]
}
