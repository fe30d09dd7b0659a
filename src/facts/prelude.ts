import { maskProgram } from './mask.ts'

/** Quotes a constant of ours for sh. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

/**
 * What every fact script begins with. `emit NAME COMMAND...` runs a command and frames what it said (sections.ts):
 * `@@ NAME`, its output in base64, `@= CODE`, the beginning of its stderr in base64, `@.`.
 *
 * `begin` is the node's clock, as early as can be. Sets k3s_unit, k3s_role, k3s_exec (masked), k3s_config, k3s_data: which unit is K3s is told by its command, not by its name.
 */
export const prelude = `
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
has() { command -v "$1" >/dev/null 2>&1; }
for tool in awk base64 head sed sort stat; do has "$tool" || { echo "$tool is missing" >&2; exit 1; }; done
has timeout || timeout() { shift; "$@"; }
exec 4>&1
emit() {
  printf '@@ %s\\n' "$1"
  shift
  said=$( { { "$@" 2>&3; echo "@$?" >&3; } | base64 >&4; } 3>&1 )
  printf '@= %s\\n' "\${said##*@}"
  printf '%s' "\${said%@*}" | head -c 400 | base64
  echo @.
}
mask() { awk ${quoted(maskProgram)}; }
emit begin date +%s%N

exec_of() { systemctl show -p ExecStart "$1" 2>/dev/null | mask; }
role_in() { sed -nE 's/^ExecStart=.*argv\\[\\]=[^ ]* (server|agent)( .*)? ; ignore_errors=.*/\\1/p'; }
flag_in() { sed -nE "s/.* --?($1)[= ]([^ ;]+) .*/\\\\2/p"; }
k3s_unit='' k3s_role='' k3s_exec=''
for unit in $(systemctl list-unit-files --no-legend --type=service 'k3s*' 2>/dev/null | awk '{print $1}'); do
  exec=$(exec_of "$unit")
  role=$(printf '%s\\n' "$exec" | role_in)
  [ -n "$role" ] || continue
  if [ -z "$k3s_unit" ] || systemctl is-active --quiet "$unit"; then
    k3s_unit=$unit k3s_role=$role k3s_exec=$exec
  fi
done
show_k3s() {
  [ -z "$k3s_unit" ] || systemctl show "$k3s_unit" -p ActiveState -p SubState -p Result -p UnitFileState -p FragmentPath \\
    -p DropInPaths -p MainPID -p Environment -p EnvironmentFiles -p ExecStart | mask
}
k3s_config=$(printf '%s\\n' "$k3s_exec" | flag_in 'config|c')
k3s_config=\${k3s_config:-/etc/rancher/k3s/config.yaml}
k3s_data=$(printf '%s\\n' "$k3s_exec" | flag_in 'data-dir|d')
[ -n "$k3s_data" ] || k3s_data=$(cat "$k3s_config" "$k3s_config.d"/*.y*ml 2>/dev/null |
  sed -nE "s/^[\\"']?data-dir[\\"']?:[ \\t]*[\\"']?([^\\"' #]+).*/\\\\1/p" | tail -n 1)
k3s_data=\${k3s_data:-/var/lib/rancher/k3s}
`
