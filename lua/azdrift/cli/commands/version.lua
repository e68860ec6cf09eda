return {
  name = "version",
  summary = "Print the version",
  usage = "azdrift version",
  options = {},
  examples = { { "for a bug report", "azdrift version" } },
  run = function(context)
    context:line("azdrift ", context.version)
    return 0
  end,
}
