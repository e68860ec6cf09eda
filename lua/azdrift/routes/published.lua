--- The five paths that were there first, in their shapes: /health stands in health.lua.
local json = require("azdrift.json")
local reply = require("azdrift.service.reply")
local schema = require("azdrift.service.schema")
local scopes = require("azdrift.service.scopes")
local stream = require("azdrift.service.stream")
local time = require("azdrift.time")

local COLLECT_MS = 3600 * 1000 -- a large estate takes a while; the client that leaves loses the reply, not the collection
local COVERAGE_LIMITS = { max_bytes = 64 * 1024 * 1024 }
local WHERE = { subscription_id = schema.text(1, 128), resource_group = schema.text(1, 90) }

local function must(value, message, code)
  if value == nil then error({ message = message, code = code }, 0) end
  return value
end

-- The scope of a subscription that was named, or nil; one that may not be seen is not there.
local function scope_asked(request, subscription_id)
  return scopes.asked(request, scopes.of_subscription(subscription_id))
end

-- The newest of what find(scope) gives, over the scopes that may be seen.
local function newest(request, service, wanted, find)
  local best, best_scope
  for _, scope in ipairs(scopes.visible(request, service, wanted)) do
    local found, message, code = find(scope)
    if not found and code ~= "not_found" then error({ message = message, code = code }, 0) end
    if found and (not best or found.timestamp_ms > best.timestamp_ms) then best, best_scope = found, scope end
  end
  if not best then error({ message = "there is none yet; POST /collect takes the first snapshot", code = "not_found" }, 0) end
  return best, best_scope
end

local function snapshot_reply(request, service, wanted, group)
  local snapshot, scope = newest(request, service, wanted, function(scope) return service.store:snapshot({ scope = scope }) end)
  local cursor = must(service.store:versions({ scope = scope, seq = snapshot.seq, bodies = true }))
  return reply.stream(stream.snapshot(snapshot, time.format(snapshot.timestamp_ms), group, cursor, scopes.filter(request, scope, group)))
end

local function latest_snapshot(request, service)
  return snapshot_reply(request, service, scope_asked(request, request.query.subscription_id), request.query.resource_group)
end

-- A report as it was stored, its drifts one after another; what a narrowed key may not see is left out, and has_drift is of the rest.
local function latest_drift(request, service)
  local wanted, group = scope_asked(request, request.query.subscription_id), request.query.resource_group
  local report, scope = newest(request, service, wanted, function(scope) return service.store:report({ scope = scope }) end)
  local keep = scopes.filter(request, scope, group)
  local is_part = group ~= nil or not request.access:sees(scope)
  local head = report.header
  if is_part then -- the summary and the coverage speak of what the key may not see
    local fields = must(json.decode(head, COVERAGE_LIMITS))
    local has_drift, life = false, require("azdrift.life")
    local counting <close> = must(service.store:report_drifts(report.id))
    for drift in counting.next, counting do
      has_drift = has_drift or (keep(drift.resource_id) and life.counts(drift.status, drift.severity or "info"))
    end
    head = json.encode({ _id = fields._id, timestamp = fields.timestamp, snapshot_id = fields.snapshot_id, scope = fields.scope,
      from = fields.from, to = fields.to, complete = fields.complete, stamps = fields.stamps, has_drift = has_drift })
  end
  local cursor = must(service.store:report_drifts(report.id))
  return reply.stream(stream.object_with_list(head, "drifts", function()
    local drift = cursor()
    while drift and not keep(drift.resource_id) do drift = cursor() end
    return drift and drift.document
  end, function() cursor:close() end))
end

-- Runs a collection, or joins the one that runs, and waits for its end.
local function collect_now(request, service, wanted)
  if not wanted and request.access.is_narrow then
    local list = {}
    for _, prefix in ipairs(request.access.prefixes) do
      local scope = prefix:match("^/subscriptions/[^/]+$")
      if scope then list[#list + 1] = scope end
    end
    if #list == 0 then error({ message = "this key may collect nothing", code = "not_found" }, 0) end
    return service:collect(request.access:name(), json.array(list))
  end
  if wanted and not request.access:sees(wanted) then
    error({ message = ("nothing is known of %s"):format(wanted), code = "not_found" }, 0)
  end
  return service:collect(request.access:name(), wanted and json.array({ wanted }) or nil)
end

local function wait_for(job)
  job.over:wait()
  local document = job.document
  if document.status == "done" then return document.result end
  if document.code == "not_found" then return nil, reply.problem(404, "not-found", document.error) end
  return nil, reply.problem(503, "collection-" .. document.status, document.error or "the collection was stopped")
end

local function collect(request, service)
  local body = request.body or {}
  local wanted = scope_asked(request, body.subscription_id or request.query.subscription_id)
  local job, is_new = collect_now(request, service, wanted)
  if is_new then service:audit(request.access, "collect", job.document.id) end
  if (request.headers.prefer or ""):find("respond%-async") then
    return reply.json(202, require("azdrift.service.jobs").document(job.document),
      { Location = "/v1/jobs/" .. job.document.id, ["Retry-After"] = "2", ["Preference-Applied"] = "respond-async" })
  end
  local result, problem = wait_for(job)
  if not result then return problem end
  if #result.scopes == 1 then return snapshot_reply(request, service, result.scopes[1].scope) end
  return reply.json(200, { snapshots = result.scopes, complete = result.complete })
end

-- The baseline of a whole scope: what each type shows now.
local function begin_anew(service, snapshot, scope, who)
  local types = json.array({})
  for i, entry in ipairs(must(service.store:types(scope, snapshot.seq))) do types[i] = entry.type end
  local coverage = json.decode(snapshot.coverage, COVERAGE_LIMITS)
  local known = {}
  for _, name in ipairs(types) do known[name:lower()] = true end
  for _, line in ipairs(coverage and coverage.types or {}) do
    if line.outcome == "ok" and not known[line.type] then types[#types + 1] = line.type end
  end
  return must(service.store:baseline_set({ scope = scope, types = types, seq = snapshot.seq, who = who, why = "POST /initialize" }))
end

-- Of a resource group: what each of its resources is now, one by one.
local function accept_group(request, service, snapshot, scope, group)
  local keep, accepted = scopes.filter(request, scope, group), 0
  local cursor <close> = must(service.store:versions({ scope = scope, seq = snapshot.seq }))
  for row in cursor.next, cursor do
    if keep(row.id) then
      must(service.store:accept({ scope = scope, type = row.type, id = row.id, states = { { seq = snapshot.seq } },
        who = request.access:name(), why = "POST /initialize" }))
      accepted = accepted + 1
    end
  end
  return accepted
end

local function initialize(request, service)
  local body = request.body or {}
  local scope = scope_asked(request, body.subscription_id)
  local group = body.resource_group
  local inside = scopes.group_prefix(scope, group)
  if not request.access:sees(inside) then error({ message = ("nothing is known of %s"):format(inside), code = "not_found" }, 0) end
  local snapshot, message, code = service.store:snapshot({ scope = scope })
  if not snapshot and code == "not_found" then
    local result, problem = wait_for((service:collect(request.access:name(), json.array({ scope }))))
    if not result then return problem end
    snapshot, message, code = service.store:snapshot({ scope = scope })
  end
  must(snapshot, message, code)
  local answer = { scope = scope, snapshot_id = snapshot.id, timestamp = time.format(snapshot.timestamp_ms), seq = snapshot.seq }
  if group then
    answer.resources = accept_group(request, service, snapshot, scope, group)
  else
    answer.types = begin_anew(service, snapshot, scope, request.access:name())
  end
  service:audit(request.access, "initialize", inside, { seq = snapshot.seq })
  return reply.json(200, answer)
end

return {
  { "POST /initialize", summary = "Set a subscription's baseline anew", role = "operator", deadline_ms = COLLECT_MS,
    about = "To its newest snapshot, which is taken first where there is none; with resource_group only for what lies in that group.",
    body = { subscription_id = schema.required(schema.text(1, 128)), resource_group = schema.text(1, 90) },
    replies = { [200] = "What it is measured against from now on" }, handle = initialize },
  { "POST /collect", summary = "Read Azure into a new snapshot, and look for drift", role = "operator", deadline_ms = COLLECT_MS,
    about = "One subscription, or all that the accounts choose. Answers when it is done, with the snapshot; a list of them where there are "
      .. "several. With `Prefer: respond-async` it answers 202 at once. While one runs, another request gets that one.",
    query = { subscription_id = WHERE.subscription_id }, body = { subscription_id = WHERE.subscription_id },
    replies = { [200] = "The snapshot", [202] = "The job", [503] = "It failed, and why" }, handle = collect },
  { "GET /latest-snapshot", summary = "The newest snapshot, with every resource", role = "reader", query = WHERE,
    about = "Of one subscription, or the newest of all.", replies = { [200] = "The snapshot" }, handle = latest_snapshot },
  { "GET /latest-drift", summary = "The newest drift report", role = "reader", query = WHERE,
    about = "Of one subscription, or the newest of all.", replies = { [200] = "The report" }, handle = latest_drift },
}
