-- Whole command lines against a machine made of tables.
local main = require("azdrift.cli.main")

local function machine(options)
  options = options or {}
  local out, err, files, folders = {}, {}, options.files or {}, options.folders or {}
  local host = {
    version = "9.9.9", share = "/share",
    is_terminal = function() return options.terminal or false end,
    columns = function() return 100 end,
    now_ms = function() return 1795341605000 end,
    set_log_level = function() end,
    env = function(name) return (options.env or {})[name] end,
    exists = function(path) return files[path] ~= nil end,
    read_file = function(path)
      if files[path] then return files[path] end
      return nil, "no such file or directory"
    end,
    kind = function(path) return files[path] and "file" or folders[path] and "directory" or nil end,
    make_directory = function(path)
      if options.read_only then return nil, "Read-only file system" end
      folders[path] = true
      return true
    end,
    create_file = function(path, text)
      assert(not files[path], "init must not overwrite")
      files[path] = text
      return true
    end,
    write_out = function(text)
      if options.broken_pipe then return nil, "Broken pipe" end
      out[#out + 1] = text
      return true
    end,
    write_error = function(text) err[#err + 1] = text end,
  }
  return { host = host, files = files, folders = folders, out = function() return table.concat(out) end,
    err = function() return table.concat(err) end }
end

local function run(words, options)
  local box = machine(options)
  box.code = main.run(box.host, words)
  return box
end

local function refused(expected, ...)
  local box = run({ ... })
  assert.equals(1, box.code)
  assert.equals("", box.out())
  assert.equals(("azdrift: %s\n"):format(expected), box.err())
end

describe("azdrift", function()
  it("answers with its version", function()
    assert.equals("azdrift 9.9.9\n", run({ "--version" }).out())
    assert.equals("azdrift 9.9.9\n", run({ "version" }).out())
    assert.equals("azdrift 9.9.9\n", run({ "--quiet", "version", "--no-color" }).out())
  end)

  it("refuses what it does not know in one line that says what to do", function()
    refused("no command given; begin with `azdrift help`")
    refused('unknown command "drfit"; did you mean "drift"?', "drfit")
    refused('unknown command "xyzzy"; `azdrift help` lists what there is', "xyzzy")
    refused('unknown command "azdrift rules explian"; did you mean "explain"?', "rules", "explian")
    refused("azdrift rules needs one of: check, explain; `azdrift rules --help` says more", "rules")
    refused("unknown option --formt; did you mean --format?", "drift", "--formt", "json")
    refused("--config needs a value: FILE", "--config")
    refused("NEW is missing; usage: azdrift diff OLD NEW, or azdrift diff --batch", "diff", "old.json")
    refused('unexpected "c"; usage: azdrift diff [options] OLD NEW   |   azdrift diff [options] --batch < LIST', "diff",
      "a", "b", "c")
    refused("FILE is missing; usage: azdrift lua FILE [ARGUMENT...]", "lua")
    refused('unknown command "a\\u001b[31mb"; `azdrift help` lists what there is', "a\27[31mb")
    refused('--from: "soon" is no moment; write a time (2026-11-22, 2026-11-22T10:00Z), how long ago (3h, "7d ago"), a snapshot\'s '
      .. "id, or its number in a scope (with --scope)", "drift", "--from", "soon")
    refused("--from 41 is a snapshot's number, and each scope counts its own: say which with --scope", "drift",
      "--from", "41")
    refused('--scope: "a b" is no scope; write a subscription id, /subscriptions/ID, a management group\'s id, or /',
      "drift", "--scope", "a b")
    refused('"vm-1" is no resource id; it begins with /subscriptions/, as reports and `az resource show` print it',
      "history", "vm-1")
  end)

  it("refuses settings that are wrong before it does anything", function()
    local box = run({ "snapshots" }, { files = { ["azdrift.lua"] = "return { stor = {} }" } })
    assert.equals(1, box.code)
    assert.equals('azdrift: azdrift.lua:1: unknown setting "stor"; did you mean "store"?\n', box.err())
    refused("gone.lua: no such file or directory", "snapshots", "--config", "gone.lua")
  end)

  it("says how to get a store where there is none", function()
    refused("azdrift.db: no store yet; `azdrift collect` makes it (store.path in azdrift.lua, or $AZDRIFT_STORE, says where)",
      "drift")
  end)

  it("does not end well when nobody could read what it wrote", function()
    local box = run({ "help" }, { broken_pipe = true })
    assert.equals(1, box.code)
    assert.equals("azdrift: cannot write to standard output: Broken pipe; the output is not complete\n", box.err())
  end)

  it("explains every command, each with an example", function()
    for _, command in ipairs(main.commands()) do
      local box = run({ command.name, "--help" })
      assert.equals(0, box.code)
      assert.is_truthy(box.out():find("\nExamples\n  # ", 1, true), command.name)
      for _, sub in ipairs(command.commands or {}) do
        assert.is_truthy(run({ command.name, sub.name, "-h" }).out():find(sub.summary, 1, true))
        assert.equals(run({ command.name, sub.name, "-h" }).out(), run({ "help", command.name, sub.name }).out())
      end
    end
    assert.equals(run({ "help" }).out(), run({ "--help" }).out())
    assert.equals(1, run({ "help", "drfit" }).code)
  end)

  it("has a declaration whose examples parse", function()
    local args, options = require("azdrift.cli.args"), require("azdrift.cli.options")
    local function check(command)
      for _, example in ipairs(command.examples) do
        local line = example[2]:match("^azdrift ([^|;>&$\"]*)")
        local words, rest = {}, line or ""
        while rest:find("%S") do
          local quoted, plain = rest:match("^%s*'([^']*)'()"), rest:match("^%s*(%S+)")
          words[#words + 1] = quoted or plain
          rest = rest:sub(quoted and rest:match("^%s*'[^']*'()") or rest:match("^%s*%S+()"))
        end
        local depth = select(2, command.title:gsub(" ", ""))
        if line and #words > depth and not command.commands then
          local values, message = args.parse(command, words, depth + 1, options.COMMON)
          -- "$ID" is cut off with what follows it.
          assert.is_true(values ~= nil or message:find("RESOURCE_ID is missing", 1, true) ~= nil
            or message:find("--resource needs a value: ID", 1, true) ~= nil,
            ("%s: %s"):format(line, message))
        end
      end
      for _, sub in ipairs(command.commands or {}) do check(sub) end
    end
    for _, command in ipairs(main.commands()) do check(command) end
  end)

  it("is documented in docs/cli.md as it is", function()
    local out = {}
    require("azdrift.cli.help").markdown(main.commands(), function(text) out[#out + 1] = text end)
    local handle = assert(io.open("docs/cli.md", "rb"))
    local current = handle:read("a")
    handle:close()
    assert.is_true(current == table.concat(out), "docs/cli.md is not current: run tools/make-docs")
  end)
end)

describe("init", function()
  it("makes a project that loads", function()
    local box = run({ "init", "my-azure/" })
    assert.equals(0, box.code, box.err())
    assert.is_truthy(box.out():find("made  my-azure/azdrift.lua", 1, true))
    assert.is_truthy(box.out():find("cd my-azure", 1, true))
    assert.is_true(box.folders["my-azure/rules"])
    local settings = require("azdrift.config").load(box.host, "my-azure/azdrift.lua")
    assert.equals("my-azure/azdrift.db", settings.store.path)
  end)

  it("never overwrites, and says what it kept", function()
    local box = run({ "init" }, { files = { ["azdrift.lua"] = "mine" } })
    assert.equals(0, box.code)
    assert.equals("mine", box.files["azdrift.lua"])
    assert.is_truthy(box.out():find("kept  azdrift.lua", 1, true))
    assert.is_truthy(box.out():find("made  .gitignore", 1, true))
  end)

  it("says which folder it cannot make", function()
    local box = run({ "init", "x" }, { read_only = true })
    assert.equals(1, box.code)
    assert.equals("azdrift: x: cannot make the folder: Read-only file system\n", box.err())
  end)
end)

describe("completion", function()
  it("is made for bash and zsh from the declarations", function()
    local bash = run({ "completion", "bash" }).out()
    assert.is_truthy(bash:find('"rules explain") command="$path"; words=""; options="--format --json', 1, true))
    assert.is_truthy(bash:find('"drift --fail-on") mapfile -t COMPREPLY < <(compgen -W "info low medium high critical"', 1,
      true))
    -- One option, other values: what completes a report's format is not what completes a list's.
    assert.is_truthy(bash:find('"drift --format") mapfile -t COMPREPLY < <(compgen -W "text json markdown sarif', 1, true))
    assert.is_truthy(bash:find('"snapshots -f") mapfile -t COMPREPLY < <(compgen -W "text json"', 1, true))
    local zsh = run({ "completion", "zsh" }).out()
    assert.is_truthy(zsh:find("#compdef azdrift", 1, true))
    assert.is_truthy(zsh:find("SEVERITY:(info low medium high critical)", 1, true))
    refused('no completion for "zhs"; there is bash and zsh; did you mean "zsh"?', "completion", "zhs")
  end)
end)
