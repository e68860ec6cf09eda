-- Allowed globals per folder; see docs/principles.md.
std = "lua54"
max_line_length = 140
ignore = { "211/_.*" } -- values that live only to be closed
exclude_files = { "lua/meta" } -- declarations for editors: every parameter there is unused
files["rules"] = { std = "none", read_globals = { "rules", "null", "param", "has", "is_null", "like", "one_of", "contains",
  "starts_with", "ends_with", "ipairs", "pairs", "type", "tostring", "tonumber", "select", "error", "assert", "math", "string", "table", "find", "keys", "raw" } }
files["policies"] = { std = "none", read_globals = { "policy", "tune", "expected", "pattern", "param", "lib", "null", "has", "is_null",
  "raw", "find", "keys", "like", "one_of", "contains", "starts_with", "ends_with", "cidr_contains", "cidr_overlaps",
  "ipairs", "pairs", "type", "tostring", "tonumber", "select", "error", "assert", "math", "string", "table" } }
files["tests/spec"] = { std = "+busted", max_line_length = 170 } -- rows of cases
-- Declarations for editors: functions without bodies.
files["lua/meta"] = { unused_args = false }
