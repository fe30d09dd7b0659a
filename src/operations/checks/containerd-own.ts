import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { about } from './finding.ts'

/** containerd looks where K3s tells it: that place moves when flannel goes, and a template of one's own may stop it (k3s#7999). */
export function containerdOwn(facts: Facts): Finding[] {
  return Object.values(facts.nodes).map(({ name, k3s }) => {
    const here = about("containerd's configuration is K3s' own", name)
    return k3s.containerdTemplate
      ? here.blocks(
          'there is a config.toml.tmpl or config-v3.toml.tmpl; its CNI directories may not follow flannel-backend (k3s#7999, k3s#9557)',
          'remove the template, or its CNI section where it builds on the base template; restart K3s; plan again',
        )
      : here.fine('no template')
  })
}
