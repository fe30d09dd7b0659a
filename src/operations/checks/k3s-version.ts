import semver from 'semver'
import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { about } from './finding.ts'

/** Releases that may not start with `flannel-backend: none` (k3s#9570): the runbook sets both flags, which is the way around. */
const startBug = ['1.26.13', '1.27.10', '1.28.6', '1.29.1']

/** One K3s everywhere, and none of the releases known for trouble with exactly this. */
export function k3sVersion(facts: Facts): Finding[] {
  const here = about('one K3s version')
  const versions = [...new Set(Object.values(facts.nodes).map((node) => node.k3s.version))]
  const affected = versions.filter((version) => startBug.includes(semver.coerce(version)?.version ?? ''))
  return [
    versions.length > 1
      ? here.warns(versions.join(', '), 'upgrade first: two changes at once cannot be told apart')
      : here.fine(versions.join(', ')),
    ...(affected.length === 0
      ? []
      : [
          about('K3s starts without flannel').warns(
            `${affected.join(', ')} sometimes does not (k3s#9570); switching the policy controller off with it, as is done here, avoids it`,
            'upgrade to the next patch release first',
          ),
        ]),
  ]
}
