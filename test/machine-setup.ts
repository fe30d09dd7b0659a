import { canMakeNodes, installMissing } from '../src/lab/host.ts'

const packages = [
  ['iptables', '/usr/sbin/iptables-nft|/sbin/iptables-nft'],
  ['ipset', '/usr/sbin/ipset|/sbin/ipset'],
  ['conntrack', '/usr/sbin/conntrack|/sbin/conntrack'],
  ['nftables', '/usr/sbin/nft|/sbin/nft'],
] as const

/** Programs of a node that tests run in namespaces of this machine. Where that cannot be, they say that they are skipped. */
export default async function setup(): Promise<void> {
  if (canMakeNodes()) await installMissing(packages, 'tests of scripts for nodes run them here', console.log)
}
