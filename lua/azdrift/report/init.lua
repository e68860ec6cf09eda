--- The formats of a drift report. All have one form: format.new(write, options) -> writer; writer:report(report) once a
--- scope, in order; writer:finish() once. write(text) takes the output; a formatter never reads anything else.
--- options: terminal, show (set), fail_on, bare, version, command, history.
local report = {}

report.FORMATS = { "text", "json", "markdown", "sarif", "junit", "csv", "jsonpatch" }

local FORMATTERS = {
  text = require("azdrift.report.text"),
  json = require("azdrift.report.json"),
  markdown = require("azdrift.report.markdown"),
  sarif = require("azdrift.report.sarif"),
  junit = require("azdrift.report.junit"),
  csv = require("azdrift.report.csv"),
  jsonpatch = require("azdrift.report.jsonpatch"),
}

function report.new(format, write, options)
  local formatter = assert(FORMATTERS[format], "unknown format")
  return formatter.new(write, options)
end

return report
