/**
 * An awk program that takes the values of secrets out of K3s' texts: unit files, `systemctl show`, environment files, and
 * YAML or JSON configuration. It runs on the node, so that no secret ever leaves it; everything else stays byte for byte.
 *
 * Masked are --token (-t), --agent-token, --cluster-secret, --datastore-endpoint, --vpn-auth and --etcd-s3-*, in arguments
 * (`--k=v`, `--k v`, quoted, the value on the next line), as keys (also in comments, lists and blocks), as variables; passwords
 * in URLs; and K3s' tokens wherever they stand. `token-file` and its like name a file and stay.
 */
export const maskProgram = String.raw`
# The length of a value at the start of s: quoted as a shell does it, or up to a blank. before: the quote it stands in.
function valueLength(s, before) {
  if (before == "\"") { match(s, /^([^"\\]|\\.)*/); return RLENGTH }
  if (before == "'") { match(s, /^([^']|'\\'')*/); return RLENGTH }
  if (match(s, /^"([^"\\]|\\.)*"/)) return RLENGTH
  if (match(s, /^'([^']|'\\'')*'/)) return RLENGTH
  match(s, /^[^ \t]*/)
  return RLENGTH
}
function arguments(s,   done, head, before, length_) {
  done = ""
  while (match(s, "(^|[ \t\"'=])--?(" keys "|t)(=|[\"']?[ \t]+)")) {
    head = substr(s, RSTART, RLENGTH)
    before = head ~ /=$/ ? substr(head, 1, 1) : ""
    if (before != "\"" && before != "'") before = ""
    done = done substr(s, 1, RSTART + RLENGTH - 1)
    s = substr(s, RSTART + RLENGTH)
    if (s ~ /^\\$/) { nextLine = 1; return done s }
    length_ = valueLength(s, before)
    done = done "***"
    s = substr(s, length_ + 1)
  }
  return done s
}
function variables(s,   done, head, quote) {
  done = ""
  while (match(s, "(^|[ \t\"'=])[A-Z0-9_]*(TOKEN|SECRET|PASSWORD|ACCESS_KEY|DATASTORE_ENDPOINT|VPN_AUTH)=")) {
    head = substr(s, RSTART, RLENGTH)
    quote = substr(head, 1, 1)
    done = done substr(s, 1, RSTART + RLENGTH - 1) "***"
    s = substr(s, RSTART + RLENGTH)
    # In a file of variables the value is the rest of the line; elsewhere it is a word.
    if (done ~ /^(export )?[A-Z0-9_]*=[*]*$/) return done
    s = substr(s, valueLength(s, quote == "\"" || quote == "'" ? quote : "") + 1)
  }
  return done s
}
function flow(s,   done) {
  done = ""
  while (match(s, "[\"'{, \t](" keys ")[\"']?[+]?[\"']?[ \t]*:[ \t]*")) {
    done = done substr(s, 1, RSTART + RLENGTH - 1) "\"***\""
    s = substr(s, RSTART + RLENGTH)
    if (match(s, /^"([^"\\]|\\.)*"/) || match(s, /^'([^']|'')*'/) || match(s, /^[^,}]*/)) s = substr(s, RLENGTH + 1)
  }
  return done s
}
BEGIN {
  keys = "token|agent-token|cluster-secret|datastore-endpoint|vpn-auth|etcd-s3-[a-z-]+"
  indent = -1
}
{
  match($0, /^[ \t]*/)
  own = RLENGTH
  # What is indented below a secret key belongs to its value; so does a list at its own depth.
  if (indent >= 0) {
    if ($0 ~ /^[ \t]*$/) { print; next }
    if (own > indent || (own == indent && substr($0, own + 1, 1) == "-")) { print substr($0, 1, own) "# ***"; next }
    indent = -1
  }
  line = $0
  if (nextLine) {
    nextLine = 0
    rest = substr(line, own + 1)
    line = substr(line, 1, own) "***" substr(rest, valueLength(rest, "") + 1)
  } else if (line ~ /^[ \t]*[{]/) {
    line = flow(line)
  } else if (match(line, "^[ \t#]*[\"']?(" keys ")[\"']?[+]?[\"']?[ \t]*:([ \t]|$)")) {
    comma = line ~ /,[ \t]*$/ ? "," : ""
    if (substr(line, own + 1, 1) != "#") indent = own
    line = substr(line, 1, RLENGTH)
    sub(/:$/, ": ", line)
    line = line "\"***\"" comma
  } else {
    line = variables(arguments(line))
  }
  gsub(/:\/\/[^\/@ \t]*:[^\/@ \t]*@/, "://***@", line)
  gsub(/K10[0-9a-fA-F]+::[^ \t"',]+/, "K10***", line)
  print line
}
`
