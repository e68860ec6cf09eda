local duration = require("azdrift.duration")
local moment = require("azdrift.cli.moment")
local suggest = require("azdrift.suggest")
local terminal = require("azdrift.cli.terminal")

describe("suggest", function()
  it("finds what was meant", function()
    local names = { "collect", "drift", "diff", "snapshots" }
    assert.equals("drift", suggest.nearest("drfit", names))
    assert.equals("drift", suggest.nearest("DRIFT", names))
    assert.equals("snapshots", suggest.nearest("snap", names))
    assert.is_nil(suggest.nearest("zebra", names))
    assert.is_nil(suggest.nearest("", names))
    assert.is_nil(suggest.nearest(("x"):rep(10000), names))
  end)
end)

describe("durations", function()
  it("are read and written", function()
    assert.equals(90, duration.parse("90s"))
    assert.equals(5400, duration.parse("1h30m"))
    assert.equals(2 * 365 * 86400, duration.parse("2y"))
    assert.equals("1h30m", duration.format(5400))
    assert.equals("0s", duration.format(0))
    assert.equals(0.8, duration.parse("800ms"))
    assert.equals(2, duration.parse("2000ms"))
    assert.equals("1s500ms", duration.format(1.5))
  end)

  it("are refused where they are none", function()
    for _, text in ipairs({ "", "3", "h", "3x", "-3h", "3h ", "1.5h", "99999999999999999999s", "2000y" }) do
      local seconds, message = duration.parse(text)
      assert.is_nil(seconds, text)
      assert.is_string(message)
    end
  end)
end)

describe("moments", function()
  local NOW = 1795341605000 -- 2026-11-22T10:00:05Z

  it("are times, ages, ids or numbers", function()
    assert.same({ at_ms = 1795341600000 }, moment.parse("2026-11-22T10:00Z", NOW))
    assert.same({ at_ms = 1795341605123 }, moment.parse("2026-11-22T11:00:05.123+01:00", NOW))
    assert.same({ at_ms = 1795341605100 }, moment.parse("2026-11-22T10:00:05.1Z", NOW))
    assert.same({ at_ms = NOW - 7200 * 1000 }, moment.parse("2h ago", NOW))
    assert.same({ at_ms = 1795305600000 }, moment.parse("2026-11-22", NOW))
    assert.same({ at_ms = 951782400000 }, moment.parse("2000-02-29", NOW))
    assert.same({ at_ms = NOW - 3 * 3600 * 1000 }, moment.parse("3h", NOW))
    assert.same({ seq = 41 }, moment.parse("41", NOW))
    assert.same({ id = "0192f0c0-0000-7000-8000-00000000000a" },
      moment.parse("0192F0C0-0000-7000-8000-00000000000A", NOW))
    assert.equals("2026-11-22 10:00:05", moment.format(NOW))
  end)

  it("are refused where they are none", function()
    for _, text in ipairs({ "", "0", "-1", "yesterday", "2026-02-30", "2026-13-01", "2026-11-22T25:00",
      "2026-11-22T10:00X", "2026-11-22T10:00:05.Z", "ago", " ago", "3h  ago ", "99999999999999999999" }) do
      local found, message = moment.parse(text, NOW)
      assert.is_nil(found, text)
      assert.is_truthy(message:find("write a time", 1, true))
    end
  end)
end)

describe("times to come", function()
  local NOW = 1795341605000

  it("are times or durations ahead, and never over", function()
    assert.equals(NOW + 30 * 86400 * 1000, moment.parse_end("30d", NOW))
    assert.equals(NOW + 3600 * 1000, moment.parse_end("in 1h", NOW))
    assert.equals(1795392000000, moment.parse_end("2026-11-23", NOW))
    for _, text in ipairs({ "2026-11-22", "2026-11-22T10:00:05Z", "0s" }) do
      local _, message = moment.parse_end(text, NOW)
      assert.is_truthy(message:find("is over", 1, true), text)
    end
    for _, text in ipairs({ "", "41", "soon", "2h ago" }) do
      local _, message = moment.parse_end(text, NOW)
      assert.is_truthy(message:find("no time to come", 1, true), text)
    end
  end)
end)

describe("terminal text", function()
  it("shows controls and marks of direction as escapes", function()
    assert.equals("a\\u001b[2Jb", terminal.safe("a\27[2Jb"))
    assert.equals("a\\u202eb", terminal.safe("a\u{202e}b"))
    assert.equals("a\\u000ab", terminal.safe("a\nb"))
    assert.equals("grün", terminal.safe("grün"))
    assert.equals("\\xff\\xfe", terminal.safe("\255\254"))
  end)

  it("is cut by columns, not bytes", function()
    local screen = terminal.plain(80, true)
    assert.equals("grün", screen:cut("grün", 4))
    assert.equals("grü…", screen:cut("grüner", 4))
    assert.equals("日…", screen:cut("日本語", 4))
    assert.equals("ab...", terminal.plain(80):cut("abcdefgh", 5))
  end)

  it("has colour on a terminal only, and not with NO_COLOR or TERM=dumb", function()
    local function color(is_terminal, variables, no_color)
      return terminal.new({ env = function(name) return variables[name] end, is_terminal = is_terminal,
        no_color = no_color }).color
    end
    assert.is_true(color(true, {}))
    assert.is_true(color(true, { NO_COLOR = "" }))
    assert.is_false(color(false, {}))
    assert.is_false(color(true, { NO_COLOR = "1" }))
    assert.is_false(color(true, { TERM = "dumb" }))
    assert.is_false(color(true, {}, true))
  end)

  it("shows progress where somebody watches, and takes it away", function()
    local written = {}
    local screen = terminal.new({ env = function() return nil end, is_terminal = false, error_is_terminal = true,
      write_error = function(text) written[#written + 1] = text end })
    screen:clear_progress()
    screen:progress("12 of 40 types")
    screen:clear_progress()
    assert.same({ "\r\27[2K12 of 40 types", "\r\27[2K" }, written)
    local quiet = terminal.new({ env = function() return nil end, error_is_terminal = true, quiet = true,
      write_error = error })
    quiet:progress("nothing")
  end)
end)
