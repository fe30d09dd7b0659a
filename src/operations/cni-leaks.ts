import type { CniFacts } from '../facts/cni.ts'
import type { SandboxesFacts } from '../facts/sandboxes.ts'

const ofContainer = /^\/var\/lib\/cni\/(?:flannel\/|results\/cbr0-)([0-9a-f]{64})(?:-[A-Za-z0-9]+)?$/

/**
 * Containers of flannel's network that are no more, though their files are: when a pod leaves flannel for Cilium, containerd
 * deletes by Cilium's configuration, and what flannel's plugins keep of it leaks (k3s-kube-router.md §7).
 * @param before as they were before pods were moved: what comes later may be of a pod that is just being made
 * @param sandboxes as they are afterwards; one that is not ready has given its network up. null while containerd does not answer: then nothing is known to be gone
 */
export function goneContainers(before: CniFacts, sandboxes: SandboxesFacts): string[] {
  if (sandboxes === null) return []
  const there = new Set(sandboxes.filter((sandbox) => sandbox.ready).map((sandbox) => sandbox.id))
  const ids = Object.keys(before.files).flatMap((path) => ofContainer.exec(path)?.[1] ?? [])
  return [...new Set(ids)].filter((id) => !there.has(id)).sort()
}

/** Arguments: ids of such containers. Removes their results, their delegates' configurations and their leases. */
export const forgetContainersScript = `set -u
cd /var/lib/cni || exit 0
for id in "$@"; do rm -f -- results/cbr0-"$id"-* flannel/"$id"; done
for lease in networks/cbr0/*; do
  [ -f "$lease" ] || continue
  IFS= read -r held <"$lease" || :
  held=$(printf %s "$held" | tr -d '\\r')
  for id in "$@"; do [ "$id" != "$held" ] || rm -f -- "$lease"; done
done`
