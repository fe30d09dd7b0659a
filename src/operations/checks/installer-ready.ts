import semver from 'semver'
import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import type { Inventory } from '../../inventory/schema.ts'

type Install = Inventory['cilium']['install']

/** What Cilium will be installed by is there, and is what it was installed by, if it was: two that install would fight. */
export function installerReady(facts: Facts, install: Install): Finding[] {
  const installedBy = facts.kube.cilium.chart?.by
  const findings: Finding[] = []
  if (installedBy !== undefined && installedBy !== install)
    findings.push({
      level: 'blocks',
      title: 'Cilium stays with what installed it',
      detail: `it is installed by ${installedBy}, the inventory says ${install}`,
      fix: `set cilium.install to ${installedBy}`,
    })
  if (install === 'helm') findings.push(helmRuns(facts))
  else findings.push(helmControllerRuns(facts))
  return findings
}

function helmControllerRuns(facts: Facts): Finding {
  const title = "K3s' helm controller runs"
  const off = Object.values(facts.nodes).find(({ k3s }) => k3s.flags['disable-helm-controller']?.value === 'true')
  if (off === undefined) return { level: 'fine', title, detail: 'it is not switched off' }
  return {
    level: 'blocks',
    title,
    target: off.name,
    detail: `disable-helm-controller is set in ${off.k3s.flags['disable-helm-controller']?.from}: nobody would install the HelmChart`,
    fix: 'set cilium.install to helm',
  }
}

function helmRuns({ operator }: Facts): Finding {
  const title = 'helm runs on your machine'
  if (operator === undefined)
    return { level: 'unknown', title, detail: 'not looked at: the facts were saved for another inventory' }
  const { version, error } = operator.helm
  const fix = 'install helm 3 or later, or set cilium.install to helm-chart-object'
  if (version === null) return { level: 'blocks', title, detail: error ?? 'it does not', fix }
  const major = semver.coerce(version)?.major
  if (major === undefined || major < 3) return { level: 'blocks', title, detail: `its version is ${version}`, fix }
  return { level: 'fine', title, detail: version }
}
