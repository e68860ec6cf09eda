local audit = require("azdrift.audit")
local failure = require("azdrift.cli.failure")
local options = require("azdrift.cli.options")
local project = require("azdrift.cli.project")
local terminal = require("azdrift.cli.terminal")
local value = require("azdrift.report.value")

local function list(context, values)
  local store <close> = project.store(context, { read_only = true })
  local entries = failure.check(audit.list(store, nil, values.limit or 50))
  if values.format == "json" then
    for _, entry in ipairs(entries) do context:line(value.encode(entry)) end
    return 0
  end
  local rows = { { "seq", "at (UTC)", "who", "what", "of what", "outcome" } }
  for _, entry in ipairs(entries) do
    rows[#rows + 1] = { tostring(entry.seq), entry.at, terminal.safe(entry.who), entry.action, terminal.safe(entry.target or ""),
      entry.outcome }
  end
  for index, line in ipairs(terminal.table(rows, { [1] = true })) do
    context:line(index == 1 and context.terminal:paint("dim", line) or line)
  end
  return 0
end

-- "42:9f3c...": a head that was noted elsewhere.
local function parse_head(text)
  if not text then return nil end
  local seq, hash = text:lower():match("^(%d+):(%x+)$")
  if not seq or #hash ~= 64 then failure.raise('--head: "%s" is no head; write SEQ:HASH, as `azdrift audit verify` prints it', text) end
  return { seq = math.tointeger(tonumber(seq)), hash = hash }
end

local function verify(context, values)
  local pinned = parse_head(values.head)
  local store <close> = project.store(context, { read_only = true })
  local result = failure.check(audit.verify(store, pinned))
  for _, finding in ipairs(result.findings) do context:line(finding) end
  if #result.findings > 0 then
    failure.raise("%s: the audit log does not verify: %d findings in %d entries", store:name(), #result.findings, result.entries)
  end
  context:line(("%d entries verify; head %d:%s"):format(result.entries, result.entries, result.head))
  return 0
end

return {
  name = "audit",
  summary = "Read and verify the log of who changed what",
  usage = "azdrift audit list|verify",
  about = { "Each entry carries the hash of the one before it. Who notes the head that verify prints can later tell that nothing before it "
    .. "was changed, taken out or put in." },
  examples = { { "does it hold?", "azdrift audit verify" } },
  commands = {
    { name = "list", summary = "The newest entries", usage = "azdrift audit list [options]",
      options = { { long = "limit", value = "COUNT", kind = "integer", min = 1, max = 10000, summary = "at most so many (default 50)" },
        options.LIST_FORMAT, options.JSON },
      examples = { { "the newest", "azdrift audit list" } }, run = list },
    { name = "verify", summary = "Follow the chain from the first entry to the head", usage = "azdrift audit verify [options]",
      options = { { long = "head", value = "SEQ:HASH", summary = "a head that was noted before: it must still be there" } },
      examples = { { "the whole chain", "azdrift audit verify" } }, run = verify },
  },
}
