---@meta azdrift.pairs
-- What differs between two moments of a scope, in batches: read on a store worker, judged on a CPU worker. One wait at a time.

---@class azdrift.pairs
local pairs_of = {}

---@class azdrift.pairs.query
---@field scope string
---@field to_seq integer
---@field from_seq? integer        unless from_baseline
---@field from_baseline? boolean
---@field now_ms? integer          from the baseline: what was accepted until then holds no more; absent: now
---@field types? string[]          default: all
---@field shape? azdrift.collectors.shape  with it (group_marker and managed_by are needed then), policies see the group and the parent as to_seq shows them

---@param store azdrift.store
---@param query azdrift.pairs.query
---@return azdrift.changes? changes
---@return string? message
---@return string? code
function pairs_of.open(store, query) end

---@class azdrift.changes
local changes = {}

--- Takes the next pairs; awaits. 0 at the end.
---@return integer? count
---@return string? message
---@return string? code
function changes:fill() end

---@class azdrift.changes.drift
---@field id string
---@field type string
---@field kind string
---@field severity string
---@field fingerprint string
---@field expected? string    name of the `expected` that matches
---@field accepted boolean    compared with what was accepted for this resource alone
---@field complete boolean
---@field changes integer
---@field effects integer
---@field json string         the drift in the published shape

---@class azdrift.changes.batch
---@field drifts azdrift.changes.drift[]
---@field pairs integer
---@field effects integer
---@field notes integer
---@field ignored integer
---@field not_compared integer
---@field complete boolean    every policy ran
---@field errors string       JSON: an array of arrays of { policy, at, error }
---@field apart { id: string, type: string }[]  whose secrets could not be compared: replaced under another key or other rules
---@field quiet string        JSON: an array of pairs without drift that have something to show

--- Looks for drift in what was filled in; awaits.
---@param detector azdrift.detector
---@return azdrift.changes.batch? batch
---@return string? message
---@return string? code
function changes:judge(detector) end

--- Ends the reading of the store. Closing twice is fine.
function changes:close() end

return pairs_of
