--- Options that more than one command takes.
local report = require("azdrift.report")

local options = {}

local SEVERITIES = { "info", "low", "medium", "high", "critical" }

--- Every command takes these.
options.COMMON = {
  { long = "config", value = "FILE",
    summary = "the project's azdrift.lua (else $AZDRIFT_CONFIG, ./azdrift.lua, /etc/azdrift/azdrift.lua)" },
  { long = "no-color", kind = "flag", summary = "no colour, also on a terminal (NO_COLOR=1 does the same)" },
  { long = "quiet", short = "q", kind = "flag", summary = "no progress and no advice" },
  { long = "verbose", short = "v", kind = "flag", summary = "say on standard error what is done" },
  { long = "help", short = "h", kind = "flag", summary = "this text" },
}

options.FORMAT = { long = "format", short = "f", value = "FORMAT", kind = "choice", choices = report.FORMATS,
  summary = "text (default), json, markdown, sarif, junit, csv or jsonpatch" }

--- For commands that print a list: text for people, json for programs.
options.LIST_FORMAT = { long = "format", short = "f", value = "FORMAT", kind = "choice", choices = { "text", "json" },
  summary = "text (default) or json, one document a line" }

options.JSON = { long = "json", kind = "flag", sets = { "format", "json" }, summary = "short for --format json" }

options.FAIL_ON = { long = "fail-on", value = "SEVERITY", kind = "choice", choices = SEVERITIES,
  summary = "exit with 2 from this severity on: info, low (default), medium, high, critical" }

options.ALLOW_INCOMPLETE = { long = "allow-incomplete", kind = "flag",
  summary = "exit with 0, not 3, where something could not be read" }

options.SHOW = { long = "show", value = "WHAT", kind = "choices", choices = { "effects", "ignored" },
  summary = "also show effects (observed state that moved), ignored (what rules swallowed), or both: effects,ignored" }

options.SCOPE = { long = "scope", short = "s", value = "SCOPE",
  summary = "only this scope: a subscription id, /subscriptions/ID, a management group's id, or / for the tenant" }

options.TYPE = { long = "type", value = "TYPE", repeated = true,
  summary = "only this resource type, as Microsoft.Network/virtualNetworks; can be given again" }

return options
