local failure = require("azdrift.cli.failure")
local hints = require("azdrift.report.hints")
local options = require("azdrift.cli.options")
local project = require("azdrift.cli.project")
local reports = require("azdrift.cli.reports")

-- One JSON object a line in, one out (docs/cli.md). What cannot be answered is an error on its own line and exit code
-- 1.
local function run_batch(context, values)
  if values.old then failure.raise("--batch reads its list from standard input; leave OLD and NEW out") end
  if values.format and values.format ~= "json" then
    failure.raise("--batch always answers in JSON; leave --format out")
  end
  local bundle = project.bundle(context, { raw = values.raw, policies = values.policies })
  local failed = require("azdrift.detect").batch(context.host.input_lines(), context.write,
    { raw = values.raw, policies = values.policies, bundle = bundle, config = context:settings() })
  if failed > 0 then
    context:warn("%d %s of the batch could not be compared; their lines say why", failed,
      failed == 1 and "pair" or "pairs")
    return 1
  end
  return 0
end

local function check_arguments(values)
  if values.old and values.new then return end
  failure.raise("%s is missing; usage: azdrift diff OLD NEW, or azdrift diff --batch", values.old and "NEW" or "OLD")
end

local function run(context, values)
  if values.batch then return run_batch(context, values) end
  check_arguments(values)
  local bundle = project.bundle(context, { raw = values.raw, policies = values.policies })
  local report, message = require("azdrift.detect").files(values.old, values.new,
    { raw = values.raw, policies = values.policies, show = values.show, bundle = bundle, config = context:settings() })
  if not report then failure.raise("%s", message) end
  local arrow = context.terminal.signs.arrow
  local printer = reports.new(context, values, { title = ("%s %s %s"):format(values.old, arrow, values.new),
    history = false, bare = values.raw, command = ("azdrift diff %s %s"):format(hints.shell(values.old),
      hints.shell(values.new)) })
  printer:report(report)
  return printer:finish()
end

return {
  name = "diff",
  summary = "Compare two files without Azure and without a store",
  usage = "azdrift diff [options] OLD NEW   |   azdrift diff [options] --batch < LIST",
  about = {
    "A file holds one resource, a list page ({\"value\": [...]}), a bare array of resources, or what `azdrift "
      .. "export` wrote. Resources are "
      .. "matched by id; two files of one resource each are compared whatever their ids. "
      .. "Judged by rules alone, so that every change that is no noise counts, whatever its severity; "
      .. "--policies "
      .. "says how bad each one is.",
    "--batch reads one JSON object a line: {\"id\", \"old\": PATH, \"new\": PATH, \"url\", \"old_api_version\", "
      .. "\"new_api_version\", "
      .. "\"old_view\", \"new_view\": \"get\"|\"list\"|\"put\", or \"views_differ\": true} and writes one a line, in "
      .. "any order: {\"id\", \"has_drift\", "
      .. "\"error\", \"drifts\"}. Its exit code is 0 when every pair was answered, else 1.",
  },
  arguments = {
    { name = "OLD", optional = true, summary = "the file from before, or - for standard input" },
    { name = "NEW", optional = true, summary = "the file from after, or - for standard input" },
  },
  options = {
    { long = "raw", kind = "flag",
      summary = "no rules, no redaction, arrays by position: --format jsonpatch then turns OLD into NEW" },
    { long = "policies", kind = "flag", summary = "judge by policies too" },
    { long = "batch", kind = "flag", summary = "compare many pairs, named on standard input" },
    options.SHOW, options.FORMAT, options.JSON, options.FAIL_ON, options.ALLOW_INCOMPLETE,
  },
  examples = {
    { "what changed, without the noise", "azdrift diff old.json new.json" },
    { "and how bad it is", "azdrift diff --policies old.json new.json" },
    { "a patch that turns one into the other", "azdrift diff --raw --format jsonpatch old.json new.json" },
    { "a live resource against a file",
      "az resource show --ids \"$ID\" | azdrift diff wanted.json -" },
  },
  run = run,
}
