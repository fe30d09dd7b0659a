/**
 * sh: how Cilium's links and filters are told from others, by name: its own devices, pods' links with twelve hexadecimal
 * digits, and the programs it loads (`bpf_*` before 1.12, `cil_*` since; cilium.md §8.1).
 * list_links: every link's name, a line each. list_filters: `link direction protocol pref handle` of each of its filters.
 */
export const ciliumLinks = `
list_links() { ip -o link show | sed 's/^[0-9]*: \\([^:@]*\\).*/\\1/'; }
is_pods() { case $1 in lxc????????????) true ;; *) false ;; esac; }
is_ciliums() { case $1 in cilium_*|lxc_health) true ;; *) is_pods "$1" ;; esac; }
list_filters() {
  for link in $(list_links); do
    for direction in ingress egress; do
      tc filter show dev "$link" "$direction" 2>/dev/null |
        sed -n "s/^filter protocol \\([^ ]*\\) pref \\([0-9]*\\) bpf .*handle \\(0x[0-9a-f]*\\) \\(cil_\\|bpf_\\|cilium\\).*/$link $direction \\1 \\2 \\3/p"
    done
  done
}
`
