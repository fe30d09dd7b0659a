/**
 * sh: `xtables_program NAME save|restore` says which program reads or writes the rule set NAME (`ip-nft`, `ip6-legacy`, ...), or
 * fails when the host has none. Where a distribution has only `iptables-save`, its version tells the backend. Programs that
 * came with K3s are found last, as K3s finds them itself when the host has none (k3s-kube-router.md §4.4).
 */
export const xtables = `
PATH=$PATH:/var/lib/rancher/k3s/data/current/bin:/var/lib/rancher/k3s/data/current/bin/aux
xtables_program() {
  case $1 in ip6-*) family=ip6tables ;; *) family=iptables ;; esac
  backend=\${1#*-}
  if command -v "$family-$backend-$2" 2>/dev/null; then return 0; fi
  case $("$family" --version 2>/dev/null) in
    *nf_tables*) [ "$backend" = nft ] ;;
    ?*) [ "$backend" = legacy ] ;;
    *) false ;;
  esac && command -v "$family-$2"
}
`

/** sh, with a rule set's name as $1 and the input on stdin: one atomic transaction per table (removal.ts). Constant. */
export const restoreScript = `${xtables}
program=$(xtables_program "$1" restore) || { echo "no program here writes the rule set $1" >&2; exit 1; }
exec "$program" -w 30 --noflush
`
