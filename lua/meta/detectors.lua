---@meta azdrift.detectors
-- Finds drift. Bodies and drifts stay bytes and JSON text; only counts become Lua values. Failures are nil, a sentence, a code.

---@class azdrift.detectors
local detectors = {}

---@class azdrift.detectors.shape : azdrift.collectors.shape
---@field identities? string[]  pointers whose value the server gives at creation: where it moved, the resource was made again

---@class azdrift.detectors.options
---@field bundle? azdrift.bundle       may be nil where raw
---@field shape azdrift.detectors.shape
---@field raw? boolean                 no rules, no redaction, arrays by position
---@field rules_only? boolean          nothing is said of severity
---@field show_ignored? boolean        list what rules swallowed
---@field against_baseline? boolean
---@field redaction_key? string        of bodies that are not redacted yet
---@field scope? string                part of the fingerprint
---@field now_ms integer               of the new moment

---@param options azdrift.detectors.options
---@return azdrift.detector
function detectors.new(options) end

---@class azdrift.detector
local detector = {}

---@class azdrift.detector.result
---@field drifts string       JSON: an array
---@field errors string       JSON: an array of { policy, at, error }
---@field quiet string        JSON: an array of pairs without drift that have something to show
---@field count integer
---@field by_severity table<string, integer>
---@field changes integer
---@field effects integer
---@field notes integer
---@field ignored integer
---@field not_compared integer
---@field duplicate_keys integer
---@field old_resources integer
---@field new_resources integer
---@field complete boolean    every policy ran

--- Compares two files on a CPU worker; awaits.
---@param old_path string
---@param new_path string
---@return azdrift.detector.result? result
---@return string? message  opens with the file
---@return string? code
function detector:compare(old_path, new_path) end

---@class azdrift.detector.bodies
---@field before string  JSON
---@field after string
---@field before_view? string
---@field before_api_version? string
---@field after_view? string
---@field after_api_version? string

--- Compares two bodies of one resource; awaits.
---@param bodies azdrift.detector.bodies
---@return azdrift.detector.result? result
---@return string? message
---@return string? code
function detector:pair(bodies) end

---@class azdrift.detector.move : azdrift.detector.bodies
---@field id string
---@field type string
---@field before_redaction? string  what its secrets were replaced under
---@field after_redaction? string
---@field places? string[]  properties as drifts name them: the changes at and below each are moved
---@field apart? boolean    also secrets that could not be compared

---@class azdrift.detector.moved
---@field body string    canonical JSON: before, with what was moved as it is in after
---@field moved integer  changes
---@field left integer   changes that are drift as before
---@field apart integer  secrets that could not be compared

--- The body a baseline becomes when part of a drift is accepted; awaits. "invalid": a place cannot be moved apart from the rest.
---@param move azdrift.detector.move
---@return azdrift.detector.moved? moved
---@return string? message
---@return string? code
function detector:move(move) end

--- Answers comparisons, one JSON object a line; awaits.
---@param lines string
---@return string? answers  a line each
---@return integer|string drifted
---@return integer|string failed
function detector:batch(lines) end

return detectors
