--- The audit log: who changed what, and what was refused. Appended only; each entry carries the hash of the one before, so that an entry
-- that was changed, taken out or put in shows, and the head that the log prints now and then pins all before it.
local json = require("azdrift.json")
local time = require("azdrift.time")

local audit = {}

local ENTRIES, HEADS, HEAD = "audit", "audit_head", "head"
local FIRST = ("0"):rep(64) -- what the first entry takes for the hash of the one before
local TRIES = 20

local function name_of(seq) return ("%012d"):format(seq) end

-- The hash of an entry: of its canonical form without the hash itself.
local function hash_of(entry)
  local bare = {}
  for name, value in pairs(entry) do bare[name] = value end
  bare.hash = nil
  return json.sha256(json.canonical(bare))
end

local function read(store, kind, id)
  local bytes, revision, code = store:get(kind, id)
  if not bytes then return nil, revision, code end
  return json.decode(bytes), revision
end

-- The newest entry's seq and hash, and the revision of the note of it. An engine that died between an entry and the note left the note
-- behind: the entries decide.
local function find_head(store)
  local head, revision, code = read(store, HEADS, HEAD)
  if not head and code ~= "not_found" then return nil, revision, code end
  if not head then head, revision = { seq = 0, hash = FIRST }, 0 end
  while true do
    local entry, message, missing = read(store, ENTRIES, name_of(head.seq + 1))
    if not entry then
      if missing ~= "not_found" then return nil, message, missing end
      return head, revision
    end
    head = { seq = entry.seq, hash = entry.hash }
  end
end

--- Appends one entry: { who, action, target, outcome = "done"|"refused"|"failed", detail (a small table) }.
-- @return the entry, or nil, sentence, code
function audit.append(store, what, now_ms)
  local message, code
  for _ = 1, TRIES do
    local head, revision, failed = find_head(store)
    if not head then return nil, revision, failed end
    local entry = { seq = head.seq + 1, at = time.format(now_ms), who = what.who, action = what.action, target = what.target,
      outcome = what.outcome or "done", detail = what.detail, previous = head.hash }
    entry.hash = hash_of(entry)
    local done
    done, message, code = store:put(ENTRIES, name_of(entry.seq), json.encode(entry), 0)
    if done then
      -- Where another engine was faster with the note, its own is as good.
      store:put(HEADS, HEAD, json.encode({ seq = entry.seq, hash = entry.hash }), revision)
      return entry
    end
    if code ~= "conflict" then break end
  end
  return nil, message, code
end

--- The head: { seq, hash }; seq 0: nothing yet.
function audit.head(store) return find_head(store) end

--- Entries before a seq (nil: the newest), newest first, at most limit.
function audit.list(store, before, limit)
  local head, message, code = find_head(store)
  if not head then return nil, message, code end
  local entries = json.array({})
  local seq = math.min(before and before - 1 or head.seq, head.seq)
  while seq >= 1 and #entries < limit do
    local entry
    entry, message, code = read(store, ENTRIES, name_of(seq))
    if not entry then return nil, ("audit entry %d: %s"):format(seq, message), code end
    entries[#entries + 1] = entry
    seq = seq - 1
  end
  return entries
end

--- Follows the chain from the first entry to the head. pinned: { seq, hash } of a head that was noted elsewhere, or nil.
-- @return { entries, head, findings = list of sentences }, or nil, sentence, code
function audit.verify(store, pinned)
  local head, message, code = find_head(store)
  if not head then return nil, message, code end
  local findings, previous = {}, FIRST
  for seq = 1, head.seq do
    local entry, problem, missing = read(store, ENTRIES, name_of(seq))
    if not entry and missing ~= "not_found" and problem then return nil, problem, missing end
    if not entry then
      findings[#findings + 1] = ("entry %d is gone"):format(seq)
    else
      if entry.seq ~= seq then findings[#findings + 1] = ("entry %d says that it is %s"):format(seq, tostring(entry.seq)) end
      if previous and entry.previous ~= previous then
        findings[#findings + 1] = ("entry %d does not follow entry %d"):format(seq, seq - 1)
      end
      if hash_of(entry) ~= entry.hash then findings[#findings + 1] = ("entry %d was changed"):format(seq) end
      if pinned and pinned.seq == seq and pinned.hash ~= entry.hash then
        findings[#findings + 1] = ("entry %d is not the one that was noted: its hash is %s"):format(seq, entry.hash)
      end
    end
    previous = entry and entry.hash or nil
  end
  if pinned and pinned.seq > head.seq then
    findings[#findings + 1] = ("the log ends with entry %d; entry %d was noted"):format(head.seq, pinned.seq)
  end
  return { entries = head.seq, head = head.hash, findings = findings }
end

return audit
