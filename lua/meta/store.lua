---@meta azdrift.store
-- What azdrift keeps: snapshots as histories of versions, baselines, reports, the lives of drifts, small documents.
-- Every verb is awaited on a store worker. Expected failure is nil, sentence, code; codes to act upon: "busy" (locked or
-- leased by another: try later), "conflict" (somebody was first), "not_found", "corrupt", "denied" (read only).
-- Documents (coverage, header, body ...) are JSON text. Times are milliseconds since 1970. Scopes are in lower case.

---@class azdrift.store.module
local M = {}

---@class azdrift.store.options
---@field path? string  of an SQLite file, made where there is none
---@field url? string  instead of path: "sqlite:PATH", "mongodb://..."
---@field database? string  MongoDB only
---@field read_only? boolean
---@field busy_timeout_ms? integer  waiting for another writer, or for what passes (an election); default 30000
---@field projection? boolean  MongoDB only, as are the next ones: false: project does nothing
---@field select_timeout_ms? integer  finding a server; 0 or nothing, here and below: the engine's default
---@field connect_timeout_ms? integer  one connection
---@field socket_timeout_ms? integer  one answer
---@field wait_timeout_ms? integer  a free connection
---@field heartbeat_ms? integer  between two looks at each server
---@field connections? integer  to each server at most

---@param options azdrift.store.options
---@return azdrift.store? store
---@return string? message  names the file and what to do
---@return string? code
function M.open(options) end

---@class azdrift.store
local store = {}

--- Closes the file; where leases, commits, cursors or calls still use it, the last of them does. Closing twice is fine.
function store:close() end

---@return string name  for people: the path, or the url without its password
function store:name() end

---@class azdrift.store.stats
---@field schema_version integer
---@field scopes integer
---@field snapshots integer
---@field versions integer
---@field open_versions integer
---@field reports integer
---@field drifts integer
---@field dictionaries integer
---@field body_bytes integer  of all versions, as stored
---@field disk_bytes integer

---@return azdrift.store.stats? stats
---@return string? message
---@return string? code
function store:stats() end

---@return string[]? scopes  in order
---@return string? message
---@return string? code
function store:scopes() end

--- The first to ask sets the id of the redaction key, for good; any other is "denied".
---@param key_id string
---@return true? done
---@return string? message
---@return string? code
function store:redaction_key(key_id) end

--- Learns a compression dictionary from the newest snapshot, once, where there is enough to learn from.
---@param scope string
---@return boolean? has_one
---@return string? message
---@return string? code
function store:train(scope) end

--- Brings the collection `resources`, the readable copy of the current state, up to the last published snapshot: what
--- changed since, or, anew, all of it. Nothing reads it back; SQLite has none, and `projection = false` switches it off.
---@param scope string
---@param anew? boolean
---@return integer? written  documents written or removed
---@return string? message
---@return string? code
function store:project(scope, anew) end

---@class azdrift.store.check
---@field snapshots integer  looked at, as are the next three
---@field thinned integer  of those: only their fields are left
---@field versions integer
---@field bodies integer
---@field left_over integer  versions of runs that died; the next run sweeps them
---@field findings integer
---@field first? string  the first of them, for people

--- The database's own files and indexes; then all that verify looks at.
---@param query { scope?: string, bodies?: boolean }
---@return azdrift.store.check? check
---@return string? message
---@return string? code
function store:check(query) end

--- The chain, counts and hashes of every snapshot, keys and intervals of versions, and with bodies that each body is what was
--- hashed. From the oldest on: first is where it begins.
---@param query { scope?: string, bodies?: boolean }
---@return azdrift.store.check? check
---@return string? message
---@return string? code
function store:verify(query) end

--- Is this the chain of a snapshot of the scope, also of one that was thinned out?
---@param scope string
---@param chain string  64 hexadecimal digits
---@return boolean? found
---@return string? message
---@return string? code
function store:has_chain(scope, chain) end

---@class azdrift.store.mark
---@field seq integer
---@field timestamp_ms integer
---@field state "kept"|"thinning"|"thinned"|"closing"

--- All snapshots that were ever published, in order of seq.
---@param scope string
---@return azdrift.store.mark[]? marks
---@return string? message
---@return string? code
function store:marks(scope) end

--- Marks snapshots to be thinned out: nobody reads them from then on. The last one, and what a baseline stands on, stay.
---@param scope string
---@param seqs integer[]
---@return integer? marked
---@return string? message
---@return string? code
function store:thin(scope, seqs) end

--- What would go if seqs were marked.
---@param scope string
---@param seqs integer[]
---@return { snapshots: integer, versions: integer, body_bytes: integer }? counted
---@return string? message
---@return string? code
function store:thin_count(scope, seqs) end

--- Deletes at most limit versions that only marked snapshots show.
---@param scope string
---@param limit integer  1 to 10000
---@return integer? deleted
---@return boolean|string|nil done  nothing is left to delete; or the message
---@return string? code
function store:thin_step(scope, limit) end

---@class azdrift.store.scope_stats
---@field snapshots integer
---@field versions integer
---@field open_versions integer
---@field body_bytes integer  as stored
---@field first_ms? integer  of the oldest snapshot
---@field last_ms? integer  of the newest
---@field last_seq? integer

---@param scope string
---@return azdrift.store.scope_stats? stats
---@return string? message
---@return string? code
function store:scope_stats(scope) end

---@return integer version  of the schema, now
---@return integer found  what it was when the store was opened; 0: the store was empty
function store:schema() end

--- Makes every index anew, and what is missing of them.
---@return true? done
---@return string? message
---@return string? code
function store:rebuild_indexes() end

-- Writing: acquire a lease, load the map, begin, put and remove, publish, release.

---@class azdrift.store.lease
local lease = {}

--- A lease, and with it the seq of one run. "busy" names who holds it. Whatever a dead run left is cleared up first.
---@param scope string
---@param owner string
---@param ttl_ms integer  renew at a third of it
---@return azdrift.store.lease? lease
---@return string? message
---@return string? code
function store:acquire(scope, owner, ttl_ms) end

---@param ttl_ms integer
---@return true? done
---@return string? message
---@return string? code  "conflict": taken over by another
function lease:renew(ttl_ms) end

---@return true? done
---@return string? message
---@return string? code
function lease:release() end

---@return integer
function lease:seq() end

---@return string
function lease:scope() end

--- What the last published snapshot shows, by hash. Nothing may use it while it is loaded again.
---@class azdrift.store.map
local map = {}

---@param scope string
---@param known? azdrift.store.map  brought up to date instead of loading a new one
---@return azdrift.store.map? map
---@return string? message
---@return string? code
function store:map(scope, known) end

---@return integer seq  of the snapshot it shows; 0: none yet
function map:seq() end

---@param type? string  only of this type
---@return integer
function map:count(type) end

---@param type string
---@param id string
---@return string? hash  hex
---@return integer? from_seq
function map:find(type, id) end

---@class azdrift.store.commit
local commit = {}

---@param lease azdrift.store.lease
---@return azdrift.store.commit? commit
---@return string? message
---@return string? code
function store:begin(lease) end

---@class azdrift.store.resource
---@field id string
---@field type string
---@field body string  canonical JSON, redacted
---@field view? string
---@field api_version? string
---@field subscription_id? string
---@field resource_group? string
---@field redaction? string

--- Hands over resources that were read; those the map has with the same hash are left out. Pages that collect jobs split
--- never pass through here.
---@param map azdrift.store.map
---@param resources azdrift.store.resource[]
---@return integer? new_versions
---@return string? message
---@return string? code
function commit:put(map, resources) end

--- Ends what is open of these; what is not open is left out.
---@param map azdrift.store.map
---@param resources { type: string, id: string }[]
---@return integer? removed
---@return string? message
---@return string? code
function commit:remove(map, resources) end

---@class azdrift.store.publication
---@field status "complete"|"partial"
---@field timestamp_ms integer
---@field coverage string  JSON
---@field id? string  a UUID; made where absent
---@field subscription_id? string
---@field resource_group? string
---@field missing? string  JSON
---@field stamps? string  JSON
---@field redaction_key? string

--- All of it becomes visible at once. "conflict": another run was first, nothing of this one is kept. After "busy" or "io"
--- it may be called again.
---@param publication azdrift.store.publication
---@return azdrift.store.snapshot? snapshot
---@return string? message
---@return string? code
function commit:publish(publication) end

--- Gives it up. After publish it does nothing.
function commit:abort() end

-- Reading.

---@class azdrift.store.snapshot
---@field id string
---@field scope string
---@field seq integer
---@field timestamp_ms integer
---@field status "complete"|"partial"
---@field subscription_id? string
---@field resource_group? string
---@field coverage string
---@field missing? string
---@field stamps? string
---@field redaction_key? string
---@field resources integer  open at it
---@field added integer
---@field changed integer
---@field removed integer
---@field chain string  hex: the head of the chain at it

---@class azdrift.store.moment
---@field scope? string  required but with id
---@field seq? integer
---@field id? string
---@field at_ms? integer  the newest not after it; without seq, id and at_ms: the last

---@param moment azdrift.store.moment
---@return azdrift.store.snapshot? snapshot
---@return string? message
---@return string? code
function store:snapshot(moment) end

--- Newest first.
---@param query { scope?: string, before_seq?: integer, limit?: integer }  limit: default 100, at most 10000
---@return azdrift.store.snapshot[]? snapshots
---@return string? message
---@return string? code
function store:snapshots(query) end

---@param scope string
---@param seq integer
---@return { type: string, versions: integer }[]? types
---@return string? message
---@return string? code
function store:types(scope, seq) end

---@class azdrift.store.version
---@field id string
---@field type string
---@field view? string
---@field api_version? string
---@field subscription_id? string
---@field resource_group? string
---@field redaction? string
---@field from_seq integer
---@field to_seq? integer  absent: still open
---@field removed? true  the resource was found gone at from_seq
---@field hash? string  hex
---@field body? string  canonical JSON, where bodies were asked for

---@param query { scope: string, type: string, id: string, seq: integer }
---@return azdrift.store.version? version
---@return string? message
---@return string? code
function store:version(query) end

--- For a generic `for`: a row a call, a batch in memory, one moment of the store until it is closed. Raises on failure.
---@class azdrift.store.cursor
---@overload fun(): any
local cursor = {}

---@return any row  nil: the end
function cursor:next() end

function cursor:close() end

--- Versions open at a seq; those of one type are neighbours.
---@param query { scope: string, seq: integer, type?: string, bodies?: boolean }
---@return azdrift.store.cursor? versions  of azdrift.store.version
---@return string? message
---@return string? code
function store:versions(query) end

--- All versions of one resource, newest first.
---@param query { type: string, id: string, scope?: string, bodies?: boolean }
---@return azdrift.store.cursor? versions  of azdrift.store.version
---@return string? message
---@return string? code
function store:history(query) end

---@class azdrift.store.pair
---@field before? azdrift.store.version  absent: added
---@field after? azdrift.store.version  absent: removed
---@field accepted? true  before is what was accepted for this resource alone

---@class azdrift.store.diff_query
---@field scope string
---@field to_seq integer
---@field from_seq? integer
---@field from_baseline? boolean  instead of from_seq
---@field types? string[]
---@field bodies? boolean
---@field now_ms? integer  from the baseline: what was accepted until then holds no more; absent: now

--- Resources whose hash differs between two moments.
---@param query azdrift.store.diff_query
---@return azdrift.store.cursor? pairs  of azdrift.store.pair
---@return string? message
---@return string? code
function store:diff(query) end

--- Writes one snapshot in the published shape, in constant memory.
---@param query { scope?: string, seq?: integer, id?: string, at_ms?: integer, types?: string[], path?: string }  without path: standard output
---@return integer? resources
---@return string? message
---@return string? code
function store:export(query) end

-- Baselines.

---@param query { scope: string, types: string[], seq: integer, only_missing?: boolean, who?: string, why?: string }
---@return integer? set
---@return string? message
---@return string? code
function store:baseline_set(query) end

---@param scope string
---@param type? string  without: of all types
---@return true? done
---@return string? message
---@return string? code
function store:baseline_clear(scope, type) end

---@param scope string
---@return { type: string, seq: integer, set_ms: integer, who?: string, why?: string }[]? baselines
---@return string? message
---@return string? code
function store:baselines(scope) end

---@class azdrift.store.accepted_state
---@field seq integer  the state at this seq, absence included
---@field until_ms? integer  absent: for good
---@field body? string  canonical JSON instead, as if read the way the version at seq was: part of a drift was accepted
---@field redaction? string  what its secrets were replaced under; absent: as that version's
---@field has_body? boolean  when read

---@class azdrift.store.acceptance
---@field scope string
---@field type string
---@field id string
---@field states azdrift.store.accepted_state[]  in order of their ends; the first whose time is not over holds
---@field revision? integer  what is stored now, 0: nothing; "conflict" where it is another. Absent: whatever is stored
---@field baseline_ms? integer  set_ms of the type's baseline it is made on; where that was set anew, it holds no more
---@field who? string
---@field why? string
---@field evidence? string  JSON: what was accepted, when, by whom

--- These states of one resource are its baseline from now on, each until its time is over.
---@param acceptance azdrift.store.acceptance
---@return true? done
---@return string? message
---@return string? code
function store:accept(acceptance) end

---@param scope string
---@param type string
---@param id string
---@return true? done
---@return string? message
---@return string? code
function store:unaccept(scope, type, id) end

--- What was accepted, what has run out included; of one resource with the bodies of its states.
---@param scope string
---@param resource? { type: string, id: string }
---@return table[]? accepted  type, id, states, revision, baseline_ms, set_ms, who, why, evidence
---@return string? message
---@return string? code
function store:accepted(scope, resource) end

-- Reports, and the lives of drifts.

---@class azdrift.store.report
---@field id string
---@field scope string
---@field header string  JSON: the published shape but its drifts
---@field timestamp_ms integer
---@field from_seq? integer
---@field to_seq integer
---@field revision? integer  default 1
---@field snapshot_id? string
---@field baseline_id? string
---@field has_drift? boolean
---@field complete? boolean

---@class azdrift.store.drift
---@field id string
---@field fingerprint string
---@field kind string
---@field type string
---@field resource_id string
---@field severity? string
---@field status "open"|"acknowledged"|"muted"|"accepted"|"resolved"
---@field first_seen_seq integer
---@field first_seen_ms integer
---@field last_seen_seq integer
---@field last_seen_ms integer
---@field until_ms? integer
---@field who? string
---@field why? string
---@field earlier? string  JSON: the times it was open before; kept with its life, empty in what a report showed
---@field document string  JSON: the drift in the published shape
---@field report_id? string  the report that showed it last; not read when put

--- Stores a report, its drifts and their lives as one. "conflict": this revision or a later one is stored.
---@param report azdrift.store.report
---@param drifts azdrift.store.drift[]
---@param resolved? string[]  fingerprints whose lives end with it
---@return true? done
---@return string? message
---@return string? code
function store:report_put(report, drifts, resolved) end

---@param query { id?: string, scope?: string }  without id the newest of scope
---@return azdrift.store.report? report
---@return string? message
---@return string? code
function store:report(query) end

--- Newest first.
---@param query { scope?: string, before_ms?: integer, limit?: integer }
---@return azdrift.store.report[]? reports
---@return string? message
---@return string? code
function store:reports(query) end

---@param report_id string
---@return azdrift.store.cursor? drifts  as the report showed them, of azdrift.store.drift
---@return string? message
---@return string? code
function store:report_drifts(report_id) end

--- Lives, oldest first; without statuses those that are open, acknowledged or muted.
---@param query { scope?: string, statuses?: string[] }
---@return azdrift.store.cursor? drifts  of azdrift.store.drift
---@return string? message
---@return string? code
function store:drifts(query) end

---@param scope string
---@param fingerprint string
---@return azdrift.store.drift? drift
---@return string? message
---@return string? code
function store:drift(scope, fingerprint) end

--- A person's word about a drift.
---@param query { scope: string, fingerprint: string, status: string, who?: string, why?: string, until_ms?: integer }
---@return true? done
---@return string? message
---@return string? code
function store:drift_set(query) end

-- Small documents.

---@param kind string
---@param id string
---@param bytes string  up to 4 MB
---@param expect_revision? integer  0: it must be new; else "conflict" where another one is stored
---@return true? done
---@return string? message
---@return string? code
function store:put(kind, id, bytes, expect_revision) end

---@param kind string
---@param id string
---@return string? bytes
---@return integer|string|nil revision  or the message
---@return string? code
function store:get(kind, id) end

---@param kind string
---@return { id: string, bytes?: string, revision: integer }[]? documents
---@return string? message
---@return string? code
function store:list(kind) end

---@param kind string
---@param id string
---@return true? done
---@return string? message
---@return string? code
function store:delete(kind, id) end

return M
