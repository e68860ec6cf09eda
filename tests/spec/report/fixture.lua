--- One report with everything a formatter has to show, in the shape of docs/reports.md.
local value = require("azdrift.report.value")

local fixture = {}

local SUBSCRIPTION = "/subscriptions/5a1f0b52-7a4e-4a53-9a0e-1c2d3e4f5061"
local GROUP = SUBSCRIPTION .. "/resourceGroups/rg-web/providers/"

local function network_drift()
  return {
    _id = "d-1", fingerprint = "9c1185a5c5e9fc54", kind = "changed", status = "open", severity = "critical",
    resource_type = "Microsoft.Network/networkSecurityGroups",
      resource_id = GROUP .. "Microsoft.Network/networkSecurityGroups/nsg-web",
    first_seen = { seq = 42, at = "2026-11-22T10:00:05Z" },
    actor = { kind = "user", name = "eve@example.com", confidence = "exact", correlation = "c-1" },
    verdicts = {
      { policy = "nsg-open-to-internet", severity = "critical", message = "nsg-web lets the internet reach SSH (22)",
        fix = "az network nsg rule delete --nsg-name nsg-web -n half-1", refs = { "CIS 7.2" }, changes = { 0, 1 } },
      { policy = "changed-by-hand", severity = "medium", message = "eve@example.com changed it by hand",
        changes = { 0 } },
    },
    changes = {
      { op = "add", property = "properties.securityRules[name=half-1]", pointer = "/properties/securityRules/4",
        severity = "critical",
        new_value = { name = "half-1", properties = { access = "Allow", direction = "Inbound", priority = 100,
          protocol = "Tcp", sourceAddressPrefix = "0.0.0.0/1", destinationPortRange = "22" } } },
      { op = "replace", property = "properties.securityRules[name=ssh].properties.access",
        pointer = "/properties/securityRules/3/properties/access", old_value = "Deny", new_value = "Allow",
          severity = "critical" },
    },
    effects = { { op = "replace", property = "properties.resourceGuid", pointer = "/properties/resourceGuid",
      old_value = "a", new_value = "b" } },
    notes = {},
  }
end

local function lock_drift()
  return {
    _id = "d-2", fingerprint = "00d11cd6f7a1d4ab", kind = "removed", status = "open", severity = "high",
    resource_type = "Microsoft.Authorization/locks",
    resource_id = GROUP .. "Microsoft.KeyVault/vaults/kv-1/providers/Microsoft.Authorization/locks/keep",
    first_seen = { seq = 40, at = "2026-11-21T08:30:00Z" },
    verdicts = { { policy = "lock-removed", severity = "high", message = "keep: protection is gone",
      changes = { 0 } } },
    changes = { { op = "remove", property = "", pointer = "",
      old_value = { name = "keep", properties = { level = "CanNotDelete" } } } },
    effects = {}, notes = {},
  }
end

-- Values that are easy to show wrongly: null beside absent, a text that reads like a boolean, a secret, what a
-- terminal obeys.
local function odd_drift()
  return {
    _id = "d-3", fingerprint = "1111111111111111", kind = "changed", status = "open", severity = "low",
    resource_type = "Microsoft.Web/sites", resource_id = GROUP .. "Microsoft.Web/sites/app|1", verdicts = {},
    changes = {
      { op = "replace", property = "tags.owner", pointer = "/tags/owner", old_value = "a\27[31mred",
        new_value = "=cmd|' /C calc'!A0" },
      { op = "replace", property = "properties.flag", pointer = "/properties/flag", old_value = true,
        new_value = "true" },
      { op = "replace", property = "properties.nothing", pointer = "/properties/nothing", old_value = value.null,
        new_value = "" },
      { op = "replace", property = "properties.secret", pointer = "/properties/secret",
        old_value = { ["$redacted"] = "6f1e2d3c4b5a6978" }, new_value = { ["$redacted"] = "ffff0000ffff0000" } },
      { op = "replace", property = "properties.list", pointer = "/properties/list", old_value = value.array(),
        new_value = { 1, 2.5, 9007199254740993 } },
      { op = "remove", property = "properties['odd.key']", pointer = "/properties/odd.key", old_value = "x" },
    },
    effects = {}, notes = {
      { op = "move", property = "properties.hostNames", pointer = "/properties/hostNames", old_value = { "a", "b" },
        new_value = { "b", "a" } },
      { op = "replace", property = "", note = "read another way: only what both carry was compared",
        old_value = "list 2023-01-01", new_value = "get 2024-04-01" } },
  }
end

local function muted_drift()
  return {
    _id = "d-4", fingerprint = "2222222222222222", kind = "changed", status = "muted", severity = "high",
    resource_type = "Microsoft.Web/sites", resource_id = GROUP .. "Microsoft.Web/sites/quiet", verdicts = {},
    changes = { { op = "replace", property = "properties.httpsOnly", pointer = "/properties/httpsOnly",
      old_value = true, new_value = false } },
    effects = {}, notes = {},
  }
end

--- Incomplete, with drift of each severity; the drifts stand in no order.
function fixture.report()
  return {
    _id = "0192f0c0-0000-7000-8000-000000000001", revision = 1, timestamp = "2026-11-22T10:00:05Z",
      scope = SUBSCRIPTION, snapshot_id = "s-42",
    from = 41, to = 42, baseline_id = value.null, has_drift = true, complete = false,
    summary = { drifts = 3, by_severity = { critical = 1, high = 1, low = 1 }, effects = 1, notes = 1, ignored = 112,
      muted = 1, not_compared = 12 },
    coverage = { complete = false, types = {
      { type = "Microsoft.Network/networkSecurityGroups", view = "list", outcome = "ok", requests = 1, read = 3,
        kept = 0 },
      { type = "Microsoft.KeyVault/vaults", view = "list", api_version = "2023-07-01", outcome = "forbidden",
        status = 403,
        code = "AuthorizationFailed", requests = 1, retries = 0, read = 0, kept = 12, since = 42,
          hint = "needs Reader on " .. SUBSCRIPTION },
    }, resources = { { id = GROUP .. "Microsoft.Sql/servers/sql-1", outcome = "error", status = 504 } } },
    errors = { { policy = "broken", at = "policies/broken.lua:12", error = "attempt to compare nil with number" } },
    drifts = { odd_drift(), muted_drift(), lock_drift(), network_drift() },
    patterns = {},
  }
end

--- Complete and without drift.
function fixture.quiet_report()
  return { timestamp = "2026-11-22T10:00:05Z", scope = "/subscriptions/00000000-0000-0000-0000-000000000002", from = 7,
    to = 8, has_drift = false,
    complete = true, summary = { drifts = 0, by_severity = {}, effects = 0, notes = 0, ignored = 3, muted = 0,
      not_compared = 0 },
    coverage = { complete = true, types = {} }, errors = {}, drifts = {} }
end

--- What a format makes of reports, as one text.
function fixture.render(format, reports, options)
  local terminal = require("azdrift.cli.terminal")
  local out = {}
  options = options or {}
  options.terminal = options.terminal or terminal.plain(100, true)
  options.version = "0.1.0"
  local writer = require("azdrift.report").new(format, function(text) out[#out + 1] = text end, options)
  for _, report in ipairs(reports) do writer:report(report) end
  writer:finish()
  return table.concat(out)
end

--- Fails with both texts where they differ. AZDRIFT_UPDATE_GOLDEN=1 writes the file instead: read the diff before it
--- is committed.
function fixture.check_golden(name, text)
  local path = "tests/spec/report/golden/" .. name
  if os.getenv("AZDRIFT_UPDATE_GOLDEN") == "1" then
    local handle = assert(io.open(path, "wb"))
    handle:write(text)
    handle:close()
    return
  end
  local handle = assert(io.open(path, "rb"))
  local golden = handle:read("a")
  handle:close()
  assert(golden == text, ("%s differs from what is printed now:\n%s"):format(path, text))
end

return fixture
