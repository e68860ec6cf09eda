---@meta azdrift.bundles
-- Rules and policies of a project, compiled and proved as one. A bundle never changes: what has begun with one ends with it.

---@class azdrift.bundles
local bundles = {}

---@class azdrift.bundles.layer
---@field layer "shipped"|"user"
---@field rules? string     folder; one that does not exist is empty
---@field policies? string  folder; nil: rules only

---@class azdrift.bundles.options
---@field layers azdrift.bundles.layer[]  lower ones first, at most 8
---@field schema? string       folder of the schema layer's rules
---@field properties? string   folder of the tables of properties: what two api-versions both know is compared between them
---@field params? string       what param() reads: a JSON object
---@field now_ms integer       decides which rules are past their `till`
---@field default? string      severity of a change that no policy speaks about; default "low"
---@field tags_only? string    of such a change under tags; default "info"
---@field unproved? boolean    examples are not run: for bundle:test, which runs them one by one

--- Reads, compiles and proves; awaits. A sentence that opens with file and line where the bundle is refused.
---@param options azdrift.bundles.options
---@return azdrift.bundle? bundle
---@return string? message
---@return string? code
function bundles.build(options) end

---@class azdrift.bundle
local bundle = {}

--- 16 hex digits of the content of all files and params.
---@return string
function bundle:stamp() end

--- A name for what is redacted: it changes with the rules of `redact`, of whatever layer, and with nothing else. Awaits.
---@return string? stamp
---@return string? message
---@return string? code
function bundle:redaction_stamp() end

---@class azdrift.bundle.example
---@field policy string
---@field file string
---@field line integer      of the policy
---@field example integer   counted from 1
---@field expected string   a severity, or "false"
---@field got string        the same, or "an error"
---@field detail string     the message said, or the error
---@field passed boolean

--- Runs the examples of all policies, or of those whose file ends with `file`; awaits.
---@param file? string
---@return azdrift.bundle.example[]? results
---@return string? message
---@return string? code
function bundle:test(file) end

---@class azdrift.bundle.policy
---@field name string
---@field file string
---@field line integer
---@field examples integer  how many it has
---@field types string[]    "*": all

---@return azdrift.bundle.policy[]
function bundle:policies() end

---@class azdrift.bundle.unknown_path
---@field policy? string   its name; nil: a rule
---@field verb? string     of the rule
---@field file string
---@field line integer
---@field type string
---@field path string
---@field unknown string   the name in the path that nobody knows
---@field names string[]   that stand at its place

--- Paths that rules name, and that policies watch or read while their examples run, which no version of the type knows;
--- awaits. Types without a table, "*" and what is free by schema are not asked about.
---@param folder string  catalog/properties
---@return azdrift.bundle.unknown_path[]? unknown
---@return string? message
---@return string? code
function bundle:unknown_paths(folder) end

---@class azdrift.bundle.rule
---@field verb string
---@field path string
---@field type string
---@field layer "schema"|"shipped"|"user"
---@field file string
---@field line integer
---@field owner string
---@field why string
---@field till_ms integer       0: for good
---@field conditional boolean   it has a `when`
---@field between string         "", "views", "versions" or "views or versions": speaks only where those differ
---@field won? boolean          explain: it speaks (with a condition: where that holds)

--- The rules of files, in their order. Those of the schema are read when a type is met.
---@return azdrift.bundle.rule[]
function bundle:rules() end

--- Rules that have a say at a place, strongest first, question by question.
---@param type string
---@param path string  as in a report or a rule
---@return azdrift.bundle.rule[]? rules
---@return string? message
---@return string? code
function bundle:explain(type, path) end

return bundles
