/** What `apply-sysctl-overwrites` leaves on every node, and an uninstall does not take away. Text of Cilium's sysctlfix. */
export const sysctlOverrideFile = '/etc/sysctl.d/99-zzz-override_cilium.conf'

export const sysctlOverride = `
# Disable rp_filter on Cilium interfaces since it may cause mangled packets to be dropped
-net.ipv4.conf.lxc*.rp_filter = 0
-net.ipv4.conf.cilium_*.rp_filter = 0
# The kernel uses max(conf.all, conf.{dev}) as its value, so we need to set .all. to 0 as well.
# Otherwise it will overrule the device specific settings.
net.ipv4.conf.all.rp_filter = 0
`
