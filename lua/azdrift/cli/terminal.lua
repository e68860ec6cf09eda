--- What the terminal can do, and text made for it: styles, widths, cuts, a progress line.
local terminal = {}

local STYLES = { critical = "1;97;41", high = "1;31", medium = "1;33", low = "36", info = "2", heading = "1", dim = "2",
  good = "32", name = "1", old = "31", new = "32", path = "" }

local UNICODE = { arrow = "→", cut = "…", bullet = "●", bar = "│", rule = "─", dot = "·", corner = "╰", check = "✓",
  cross = "✗" }
local ASCII = { arrow = "->", cut = "...", bullet = "*", bar = "|", rule = "-", dot = "-", corner = "`", check = "ok",
  cross = "x" }

local function is_utf8_locale(env)
  for _, name in ipairs({ "LC_ALL", "LC_CTYPE", "LANG" }) do
    local locale = env(name)
    -- The first that is set decides, as in setlocale(3).
    if locale and locale ~= "" then return locale:lower():find("utf%-?8") ~= nil end
  end
  return false
end

local function wants_color(env, is_terminal, no_color)
  local forbidden = env("NO_COLOR")
  if no_color or (forbidden and forbidden ~= "") or env("TERM") == "dumb" then return false end
  return is_terminal
end

local Terminal = {}
Terminal.__index = Terminal

--- options: env (function), is_terminal (of standard output), error_is_terminal, columns and error_columns, no_color,
--- quiet, write_error (function that writes to standard error at once; for the progress line).
function terminal.new(options)
  local env = options.env
  local columns = math.tointeger(tonumber(env("COLUMNS") or "")) or options.columns
  local is_utf8 = is_utf8_locale(env)
  return setmetatable({
    is_terminal = options.is_terminal or false,
    color = wants_color(env, options.is_terminal or false, options.no_color),
    utf8 = is_utf8,
    signs = is_utf8 and UNICODE or ASCII,
    -- A file or a pipe has no width: lines are as long as they need to be, up to what people can still read.
    width = options.is_terminal and math.max(40, columns or 80) or 120,
    write_error = options.error_is_terminal and not options.quiet and options.write_error or nil,
    -- The line of progress stands on another terminal when the output goes into a pipe.
    progress_width = options.error_columns or 80,
    has_progress = false,
  }, Terminal)
end

--- One without colour and with plain signs: for files, tests and pipes.
function terminal.plain(width, is_utf8)
  return terminal.new({ env = function(name) return name == "LC_ALL" and is_utf8 and "C.UTF-8" or nil end,
    columns = width, is_terminal = width ~= nil, no_color = true })
end

--- text in a style where there is colour, else as it is.
function Terminal:paint(style, text)
  local code = STYLES[style]
  if not self.color or not code or code == "" or text == "" then return text end
  return ("\27[%sm%s\27[0m"):format(code, text)
end

-- Controls (C0, DEL, C1), line separators and the marks that turn the direction of writing: what a tag's author could
-- use to draw over a report. They are shown as escapes.
local function is_unsafe(code)
  return code < 0x20 or (code >= 0x7f and code <= 0x9f) or code == 0x2028 or code == 0x2029
    or (code >= 0x202a and code <= 0x202e) or (code >= 0x2066 and code <= 0x2069) or code == 0x200e or code == 0x200f
    or code == 0xfeff
end

local function escape_code(code)
  if code < 0x10000 then return ("\\u%04x"):format(code) end
  return ("\\u{%x}"):format(code)
end

--- Text that came from Azure or from a script, safe to show on a terminal, on one line.
function terminal.safe(text)
  if not text:find("[%c\127-\255]") then return text end
  if not utf8.len(text) then
    return (text:gsub("[%c\127-\255]", function(byte) return ("\\x%02x"):format(byte:byte()) end))
  end
  return (text:gsub(utf8.charpattern, function(character)
    local code = utf8.codepoint(character)
    return is_unsafe(code) and escape_code(code) or character
  end))
end

local function code_width(code)
  if code < 0x300 then return 1 end
  if code <= 0x36f or (code >= 0x200b and code <= 0x200d) or (code >= 0xfe00 and code <= 0xfe0f) then return 0 end
  local wide = (code >= 0x1100 and code <= 0x115f) or (code >= 0x2e80 and code <= 0xa4cf)
    or (code >= 0xac00 and code <= 0xd7a3)
    or (code >= 0xf900 and code <= 0xfaff) or (code >= 0xfe30 and code <= 0xfe6f) or (code >= 0xff00 and code <= 0xff60)
    or (code >= 0x1f300 and code <= 0x1faff) or (code >= 0x20000 and code <= 0x3fffd)
  return wide and 2 or 1
end

--- Columns that safe text takes.
function terminal.columns(text)
  if not text:find("[\128-\255]") then return #text end
  local columns = 0
  for _, code in utf8.codes(text) do columns = columns + code_width(code) end
  return columns
end

--- text in at most width columns; what was cut is shown by the sign for it.
function Terminal:cut(text, width)
  if terminal.columns(text) <= width then return text end
  local sign = self.signs.cut
  local room, used = math.max(0, width - terminal.columns(sign)), 0
  for position, code in utf8.codes(text) do
    used = used + code_width(code)
    if used > room then return text:sub(1, position - 1):gsub("%s+$", "") .. sign end
  end
  return text
end

function terminal.pad(text, width)
  return text .. (" "):rep(width - terminal.columns(text))
end

--- Breaks text at spaces into lines of at most width columns; a word that is longer has a line of its own.
function terminal.wrap(text, width)
  local lines, line = {}, ""
  for word in text:gmatch("%S+") do
    if line ~= "" and terminal.columns(line) + 1 + terminal.columns(word) > width then
      lines[#lines + 1] = line
      line = word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  if line ~= "" or #lines == 0 then lines[#lines + 1] = line end
  return lines
end

--- Rows of cells as aligned lines, two spaces between columns; the last column is not padded.
--- right: set of columns that are aligned to the right.
function terminal.table(rows, right)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for column, cell in ipairs(row) do widths[column] = math.max(widths[column] or 0, terminal.columns(cell)) end
  end
  for _, row in ipairs(rows) do
    local cells = {}
    for column, cell in ipairs(row) do
      if right and right[column] then
        cells[column] = (" "):rep(widths[column] - terminal.columns(cell)) .. cell
      else
        cells[column] = column < #row and terminal.pad(cell, widths[column]) or cell
      end
    end
    lines[#lines + 1] = (table.concat(cells, "  "):gsub("%s+$", ""))
  end
  return lines
end

--- Shows one line of progress on standard error, in place of the last; nothing where nobody watches.
function Terminal:progress(text)
  if not self.write_error then return end
  self.write_error("\r\27[2K" .. self:cut(terminal.safe(text), self.progress_width - 1))
  self.has_progress = true
end

--- Takes the progress line away; to be called before anything else is written.
function Terminal:clear_progress()
  if not self.has_progress then return end
  self.write_error("\r\27[2K")
  self.has_progress = false
end

return terminal
