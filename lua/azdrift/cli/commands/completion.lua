local completion = require("azdrift.cli.completion")
local failure = require("azdrift.cli.failure")
local suggest = require("azdrift.suggest")

local SHELLS = { "bash", "zsh" }

return {
  name = "completion",
  summary = "Print a completion script for bash or zsh",
  usage = "azdrift completion bash|zsh",
  arguments = { { name = "SHELL", choices = SHELLS, summary = "bash or zsh" } },
  options = {},
  examples = {
    { "for this shell only", "source <(azdrift completion bash)" },
    { "for every bash", "azdrift completion bash | sudo tee /etc/bash_completion.d/azdrift >/dev/null" },
    { "for zsh", "azdrift completion zsh > \"${fpath[1]}/_azdrift\"" },
  },
  run = function(context, values)
    local make = (values.shell == "bash" or values.shell == "zsh") and completion[values.shell]
    if not make then
      failure.raise('no completion for "%s"; there is bash and zsh%s', values.shell,
        suggest.clause(values.shell, SHELLS))
    end
    make(require("azdrift.cli.main").commands(), context.write)
    return 0
  end,
}
