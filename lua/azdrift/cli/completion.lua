--- Completion scripts for bash and zsh, made from the declarations.
local options = require("azdrift.cli.options")

local completion = {}

local FILE_VALUES = { FILE = true, OLD = true, NEW = true, DIRECTORY = true }

-- Every command with options, as { path = "rules explain", command = declaration }.
local function flatten(commands, prefix, list)
  for _, command in ipairs(commands) do
    local path = prefix == "" and command.name or prefix .. " " .. command.name
    list[#list + 1] = { path = path, command = command }
    flatten(command.commands or {}, path, list)
  end
  return list
end

local function option_words(command)
  local words = {}
  for _, list in ipairs({ command.options or {}, options.COMMON }) do
    for _, option in ipairs(list) do words[#words + 1] = "--" .. option.long end
  end
  return words
end

local function first_words(command)
  local words = {}
  for _, sub in ipairs(command.commands or {}) do words[#words + 1] = sub.name end
  for _, argument in ipairs(command.arguments or {}) do
    for _, choice in ipairs(argument.choices or {}) do words[#words + 1] = choice end
  end
  return words
end

-- Every option with a choice of values, as { place = "drift --format", words = "text json ..." }: another command may
-- offer other values for the same option.
local function choices_of(list)
  local choices = {}
  for _, entry in ipairs(list) do
    for _, option in ipairs(entry.command.options or {}) do
      if option.choices then
        choices[#choices + 1] = { place = ("%s --%s"):format(entry.path, option.long),
          words = table.concat(option.choices, " ") }
        if option.short then
          choices[#choices + 1] = { place = ("%s -%s"):format(entry.path, option.short), words = choices[#choices].words }
        end
      end
    end
  end
  return choices
end

local function takes_files(command)
  for _, argument in ipairs(command.arguments or {}) do
    if FILE_VALUES[argument.name] then return true end
  end
  return false
end

local BASH_HEAD = [=[
# bash completion for azdrift: azdrift completion bash > /etc/bash_completion.d/azdrift
_azdrift() {
  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" path="" word command="" words="" options="" files=""
  # bash splits --name=value into three words.
  if [[ "$current" == "=" ]]; then current=""; elif [[ "$previous" == "=" ]]; then previous="${COMP_WORDS[COMP_CWORD-2]}"; fi
  case "$previous" in
    --config) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
  esac
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ "$word" == -* ]] && continue
    path="${path:+$path }$word"
    case "$path" in
]=]

function completion.bash(commands, write)
  local list = flatten(commands, "", {})
  write(BASH_HEAD)
  for _, entry in ipairs(list) do
    write(('      "%s") command="$path"; words="%s"; options="%s"; files="%s" ;;\n'):format(entry.path,
      table.concat(first_words(entry.command), " "),
      table.concat(option_words(entry.command), " "), takes_files(entry.command) and "yes" or ""))
  end
  local top = {}
  for _, command in ipairs(commands) do top[#top + 1] = command.name end
  write('    esac\n  done\n  case "$command $previous" in\n')
  for _, choice in ipairs(choices_of(list)) do
    write(('    "%s") mapfile -t COMPREPLY < <(compgen -W "%s" -- "${current##*,}"); return ;;\n'):format(choice.place,
      choice.words))
  end
  write("  esac\n")
  write(('  if [[ -z "$path" ]]; then words="%s"; options="--help --version"; fi\n'):format(table.concat(top, " ")))
  write('  if [[ "$current" == -* ]]; then words="$options"; files=""; fi\n')
  write('  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current"; [[ -n "$files" ]] && compgen -f -- "$current")\n')
  write("}\ncomplete -o filenames -F _azdrift azdrift\n")
end

local function zsh_quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function zsh_option(option)
  local about = option.summary:gsub("[%[%]:]", "\\%0")
  local spec = ("--%s[%s]"):format(option.long, about)
  if option.kind == "flag" then return zsh_quote(spec) end
  local action = option.choices and ("(%s)"):format(table.concat(option.choices, " ")) or FILE_VALUES[option.value]
    and "_files" or ""
  return zsh_quote(("%s:%s:%s"):format(spec, option.value or "VALUE", action))
end

local function zsh_arguments(command, indent, write)
  write(indent .. "_arguments -s")
  for _, list in ipairs({ command.options or {}, options.COMMON }) do
    for _, option in ipairs(list) do write((" \\\n%s  %s"):format(indent, zsh_option(option))) end
  end
  local words = first_words(command)
  if #words > 0 then write((" \\\n%s  '1:what:(%s)'"):format(indent, table.concat(words, " "))) end
  write((" \\\n%s  '*:file:%s'\n"):format(indent, takes_files(command) and "_files" or ""))
end

function completion.zsh(commands, write)
  write("#compdef azdrift\n# zsh completion for azdrift: azdrift completion zsh > \"${fpath[1]}/_azdrift\"\n_azdrift() {\n")
  write("  local -a commands=(\n")
  for _, command in ipairs(commands) do
    write(("    %s\n"):format(zsh_quote(("%s:%s"):format(command.name, (command.summary:gsub(":", "\\:"))))))
  end
  write("  )\n  if (( CURRENT == 2 )); then _describe command commands; return; fi\n")
  write("  local name=$words[2]\n  shift words; (( CURRENT-- ))\n")
  write("  case \"$name $words[2]\" in\n")
  for _, command in ipairs(commands) do
    for _, sub in ipairs(command.commands or {}) do
      write(("    %s)\n      if (( CURRENT > 2 )); then shift words; (( CURRENT-- )); fi\n"):format(
        zsh_quote(command.name .. " " .. sub.name)))
      zsh_arguments(sub, "      ", write)
      write("      return ;;\n")
    end
  end
  write("  esac\n  case \"$name\" in\n")
  for _, command in ipairs(commands) do
    write(("    %s)\n"):format(command.name))
    zsh_arguments(command, "      ", write)
    write("      ;;\n")
  end
  write("  esac\n}\n_azdrift \"$@\"\n")
end

return completion
