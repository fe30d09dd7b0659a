/**
 * First program of a node, before systemd: makes the container enough of a machine for a real K3s (containerd, kubelet,
 * BPF) as well as for the stand-in. What each line is for was found by trying; without it something fails later.
 */
export const initScript = `#!/bin/sh
set -eu
mount --make-rprivate /
# A sysfs of this network namespace, writable; the cgroups of the one that nspawn made go with it.
mkdir -p /run/migrate-lab-sys
mount -t sysfs sysfs /run/migrate-lab-sys
mount --rbind /sys/fs/cgroup /run/migrate-lab-sys/fs/cgroup
mount --move /run/migrate-lab-sys /sys
rmdir /run/migrate-lab-sys
while read -r _ path type options _; do
  [ "$type" = cgroup ] || continue
  case "$path,$options" in /sys/fs/cgroup/*,ro*) mount -o remount,bind,rw "$path" ;; esac
done < /proc/self/mounts
mount -t bpf bpf /sys/fs/bpf
mount --bind /proc/sys/net /proc/sys/net
mount -o remount,bind,rw /proc/sys/net
# K3s and the kubelet write these, but they are the host's: a plain file takes the writing.
mkdir -p /run/migrate-lab-sysctl
for key in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops \\
  kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
  [ -e "/proc/sys/$key" ] || continue
  file=/run/migrate-lab-sysctl/$(echo "$key" | tr / .)
  cat "/proc/sys/$key" > "$file"
  mount --bind "$file" "/proc/sys/$key"
done
# The kubelet needs mounts that propagate to its pods.
mount --make-rshared /
exec /lib/systemd/systemd
`

/**
 * Starts a node on the host, in a mount namespace of its own: the host's mount table never shows a node, and nothing stays
 * mounted when the process ends, however it ends.
 * $1: file for "pid starttime" (written before anything else, so that a half-started node can be found), $2: lower,
 * $3: node's folder, $4: how many cgroup folders follow; then those; then the command.
 */
export const bootScript = `
pidfile=$1 lower=$2 dir=$3 cgroups=$4
shift 4
umask 022
echo "$$ $(cut -d ' ' -f 22 /proc/$$/stat)" > "$pidfile"
while [ "$cgroups" -gt 0 ]; do
  echo $$ > "$1/cgroup.procs"
  cgroups=$((cgroups - 1))
  shift
done
# systemd-nspawn forgets to tidy up there when it is killed.
mkdir -p /run/systemd/nspawn
mount -t tmpfs -o mode=0755 tmpfs /run/systemd/nspawn
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$dir/upper,workdir=$dir/work" "$dir/root"
exec "$@"
`
