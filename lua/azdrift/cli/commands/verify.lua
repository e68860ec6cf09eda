local failure = require("azdrift.cli.failure")
local options = require("azdrift.cli.options")
local project = require("azdrift.cli.project")
local scopes = require("azdrift.cli.scopes")
local terminal = require("azdrift.cli.terminal")
local value = require("azdrift.report.value")

local HEAD_DIGITS <const> = 64

local function head_of(text)
  if text and not (#text == HEAD_DIGITS and text:find("^%x+$")) then
    failure.raise('--head: "%s" is no head; it is the %d hexadecimal digits that `azdrift verify` and reports (stamps.chain) print', text,
      HEAD_DIGITS)
  end
  return text and text:lower()
end

local function verify_scope(store, scope, values)
  local verdict = failure.check(store:verify({ scope = scope, bodies = not values.no_bodies }))
  local last = store:snapshot({ scope = scope })
  return { scope = scope, head = last and last.chain, seq = last and last.seq, snapshots = verdict.snapshots,
    thinned = verdict.thinned, versions = verdict.versions, bodies = verdict.bodies, findings = verdict.findings,
    first = verdict.first }
end

local function print_result(context, values, result)
  if values.format == "json" then
    context:line(value.encode(result))
    return
  end
  local what = ("%d snapshots%s, %d bodies"):format(result.snapshots,
    result.thinned > 0 and (", %d of them thinned out"):format(result.thinned) or "", result.bodies)
  local sign = result.findings == 0 and context.terminal.signs.check or context.terminal.signs.cross
  context:line(context.terminal:paint(result.findings == 0 and "good" or "high", sign), " ", terminal.safe(result.scope), ": ", what)
  if result.head then context:line(("  head %s at snapshot %d"):format(result.head, result.seq)) end
end

local function run(context, values)
  local wanted, head = scopes.parse(values.scope), head_of(values.head)
  local store <close> = project.store(context, { read_only = true })
  local exit, head_found = 0, false
  for _, scope in ipairs(wanted and { wanted } or failure.check(store:scopes())) do
    context.terminal:progress("verifying " .. scope)
    local result = verify_scope(store, scope, values)
    if head and not head_found then
      local has, message = store:has_chain(scope, head)
      if has == nil then failure.raise("%s", message) end
      head_found = has
    end
    context.terminal:clear_progress()
    print_result(context, values, result)
    if result.findings > 0 then
      context:warn("%s", result.first)
      exit = 1
    end
  end
  if head and not head_found then
    context:warn("--head: no snapshot has the chain %s: the newest ones were taken away, or everything was written anew", head)
    exit = 1
  end
  return exit
end

return {
  name = "verify",
  summary = "Prove that the history is what was written: recompute its hash chain",
  usage = "azdrift verify [options]",
  about = {
    "Each snapshot's chain is the SHA-256 of the chain before it, of its own fields and of what changed in it; so nothing in the past "
      .. "can be changed, taken out or put in unnoticed. The first break is named; exit code 1. What retention has thinned out still "
      .. "verifies.",
    "Only who cuts off the newest snapshots leaves no break: note the head, which this prints and every report and log of a collection "
      .. "has, and give it later with --head.",
  },
  options = {
    options.SCOPE,
    { long = "head", value = "CHAIN", summary = "a head that was noted: it must still be in the chain" },
    { long = "no-bodies", kind = "flag", summary = "the chain only, not whether each body is what was hashed: much faster" },
    options.LIST_FORMAT, options.JSON,
  },
  examples = {
    { "everything", "azdrift verify" },
    { "against the head of last month's report", "azdrift verify --head 3b26cf1e6c85f8c087217070012581d7d662b687eb6c76eee7b7a4dc524c5099" },
  },
  run = run,
}
