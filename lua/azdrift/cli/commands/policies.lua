local failure = require("azdrift.cli.failure")
local options = require("azdrift.cli.options")
local project = require("azdrift.cli.project")
local schema = require("azdrift.cli.schema")
local terminal = require("azdrift.cli.terminal")
local value = require("azdrift.report.value")

-- A file as the bundle names it, from its project's folder: "./policies/x.lua" and "my/policies/x.lua" may be the same file.
local function in_project(context, file)
  if not file then return nil end
  local folder = context:settings().directory or "."
  if not (context.host.kind(file) or context.host.kind(folder .. "/" .. file)) then
    failure.raise("%s: no such file", file)
  end
  local name = file
  if name:sub(1, #folder + 1) == folder .. "/" then name = name:sub(#folder + 2) end
  return (name:gsub("^%./+", ""))
end

local function run_examples(context, file)
  -- Unproved: an example that fails is what this is asked to show, not a reason to refuse the bundle.
  local bundle = project.bundle(context, { policies = true, unproved = true })
  local results, message = bundle:test(in_project(context, file))
  if not results then failure.raise("%s", message) end
  if #results == 0 then
    failure.raise("%s: no policy with examples%s", file or "policies",
      file and " in that file; it has to be one of the project's, in policies/" or "")
  end
  return results, bundle
end

local function result_line(context, result)
  local signs = context.terminal.signs
  local said = result.passed and result.got or ("expected %s, got %s"):format(result.expected, result.got)
  local detail = (result.detail ~= "" and not result.passed) and ": " .. result.detail or ""
  local line = terminal.safe(("%s example %d: %s%s"):format(result.policy, result.example, said, detail))
  local sign = result.passed and context.terminal:paint("good", signs.check)
    or context.terminal:paint("high", signs.cross)
  return ("  %s %s"):format(sign, line)
end

-- Results of one file: one line where all passed, each failure by itself; with --verbose every example.
local function print_file(context, values, file, results)
  local failed = 0
  for _, result in ipairs(results) do failed = failed + (result.passed and 0 or 1) end
  context:line(("%s  %d passed%s"):format(terminal.safe(file), #results - failed,
    failed > 0 and (", %d failed"):format(failed) or ""))
  for _, result in ipairs(results) do
    if values.verbose or not result.passed then
      context:line(result_line(context, result))
      if not result.passed then context:line(("      %s:%d"):format(terminal.safe(result.file), result.line)) end
    end
  end
  return failed
end

local function by_file(results)
  local files, order = {}, {}
  for _, result in ipairs(results) do
    if not files[result.file] then
      files[result.file] = {}
      order[#order + 1] = result.file
    end
    table.insert(files[result.file], result)
  end
  return files, order
end

local function test(context, values)
  local results = run_examples(context, values.file)
  local failed = 0
  if values.format == "json" then
    for _, result in ipairs(results) do
      context:line(value.encode(result))
      failed = failed + (result.passed and 0 or 1)
    end
  else
    local files, order = by_file(results)
    for _, file in ipairs(order) do failed = failed + print_file(context, values, file, files[file]) end
    local verdict = failed == 0 and "all passed" or ("%d failed"):format(failed)
    context:line(("%d examples: %s"):format(#results, verdict))
  end
  return failed == 0 and 0 or 1
end

-- What the examples of a policy expect, by its name: { fires = true, rests = true }.
local function expectations(results)
  local by_policy = {}
  for _, result in ipairs(results) do
    local seen = by_policy[result.policy] or {}
    by_policy[result.policy] = seen
    seen[result.expected == "false" and "rests" or "fires"] = true
  end
  return by_policy
end

-- A policy is proved by one example that fires and one that does not.
local function unproved(policies, results)
  local expected, findings = expectations(results), {}
  for _, policy in ipairs(policies) do
    local seen = expected[policy.name] or {}
    local text = not seen.fires and not seen.rests and "has no examples" or not seen.fires and "has no example that fires"
      or not seen.rests and "has no example that does not fire (gives = false)"
    if text then
      findings[#findings + 1] = { policy = policy.name, file = policy.file, line = policy.line, text = text, kind = "unproved" }
    end
  end
  return findings
end

local function findings_of(context, bundle, policies)
  local findings = unproved(policies, failure.check(bundle:test()))
  for _, finding in ipairs(schema.unknown_types(context, policies)) do findings[#findings + 1] = finding end
  for _, finding in ipairs(schema.unknown_paths(context, bundle, true)) do findings[#findings + 1] = finding end
  return findings
end

local function check(context, values)
  local bundle = project.bundle(context, { policies = true })
  local policies = bundle:policies()
  local findings = findings_of(context, bundle, policies)
  for _, finding in ipairs(findings) do
    if values.format == "json" then
      context:line(value.encode({ file = finding.file, line = finding.line, policy = finding.policy, finding = finding.kind,
        type = finding.type, path = finding.path, text = finding.text }))
    else
      context:line(terminal.safe(("%s:%d: policy %s: %s"):format(finding.file, finding.line, finding.policy,
        finding.text)))
    end
  end
  if values.format ~= "json" then
    context:line(("%d policies: %s"):format(#policies, #findings == 0 and "all load and are proved"
      or ("%d to look at"):format(#findings)))
  end
  return #findings == 0 and 0 or 1
end

return {
  name = "policies",
  summary = "Check the policies, or run their examples",
  usage = "azdrift policies check   |   azdrift policies test [FILE]",
  examples = {
    { "do all policies load, and does each prove itself", "azdrift policies check" },
    { "run the examples of one file", "azdrift policies test policies/local.lua" },
  },
  commands = {
    {
      name = "check",
      summary = "Load all policies; each needs its proof, and types and properties that exist",
      usage = "azdrift policies check [options]",
      about = { "Names policies without an example that fires and one that does not, resource types that nobody knows, and paths "
          .. "that no api-version of the type has: those a policy watches, and those it reads while its examples run. Maps "
          .. "(tags) and what the schema leaves open may hold anything.",
        "Exit code 1 where a file does not load, an example fails or a policy is named; else 0." },
      options = { options.LIST_FORMAT, options.JSON },
      examples = { { "in a pipeline", "azdrift policies check" } },
      run = check,
    },
    {
      name = "test",
      summary = "Run the examples of the policies, like a test runner",
      usage = "azdrift policies test [options] [FILE]",
      arguments = { { name = "FILE", optional = true, summary = "only this file: policies/local.lua" } },
      options = { options.LIST_FORMAT, options.JSON },
      examples = {
        { "all of them", "azdrift policies test" },
        { "every example by itself", "azdrift policies test --verbose policies/local.lua" },
      },
      run = test,
    },
  },
}
