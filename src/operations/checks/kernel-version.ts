import semver from 'semver'
import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import type { Inventory } from '../../inventory/schema.ts'
import { onEachNode } from './finding.ts'

/** What each minor needs, and RHEL 8's 4.18 from which build on (8.6 is 372, 8.10 is 553): cilium.md §3.1. */
const needs = [
  { from: '1.18.0', kernel: '5.10.0', rhelBuild: 553 },
  { from: '1.16.0', kernel: '5.4.0', rhelBuild: 372 },
  { from: '0.0.0', kernel: '4.19.57', rhelBuild: Number.POSITIVE_INFINITY },
] as const

/** The newest minor whose requirements are known here. */
const newestKnown = '1.19'

const architectures = ['x86_64', 'aarch64', 'arm64']

/** Kernel and processor are what this Cilium needs. */
export function kernelVersion(facts: Facts, { cilium }: Inventory): Finding[] {
  const need = needs.find(({ from }) => semver.gte(cilium.version, from)) ?? needs[0]
  const isNewer = semver.gt(cilium.version, `${newestKnown}.999`)
  return onEachNode(
    facts,
    'kernel',
    `the kernel is new enough for Cilium ${cilium.version}`,
    ({ arch }, here, { host }) => {
      if (!architectures.includes(arch))
        return here.blocks(`the processor is ${arch}; Cilium's images are for amd64 and arm64`, 'there is none for it')
      const running = semver.coerce(host.kernel)
      if (running === null)
        return here.unknown(`its version is "${host.kernel}"`, `see that it is at least ${need.kernel}`)
      const rhelBuild = Number(/^4\.18\.0-(\d+)\..*el8/.exec(host.kernel)?.[1] ?? 0)
      if (semver.lt(running, need.kernel) && rhelBuild < need.rhelBuild)
        return here.blocks(
          `it is ${host.kernel}; ${need.kernel} is the least`,
          'update the kernel, or choose an older Cilium',
        )
      if (isNewer)
        return here.unsure(
          `it is ${host.kernel}; what Cilium after ${newestKnown} needs is not known here`,
          'read its system requirements',
        )
      return here.fine(`${host.kernel} on ${arch}`)
    },
  )
}
