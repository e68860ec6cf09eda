--- Collections as jobs: begun, followed, cancelled.
local json = require("azdrift.json")
local jobs = require("azdrift.service.jobs")
local reply = require("azdrift.service.reply")
local schema = require("azdrift.service.schema")

local ID = { id = schema.uuid() }

-- Who is narrowed sees the jobs of what he may see: a job over all scopes is none of them.
local function may_see(request, job)
  if not request.access.is_narrow then return true end
  local list = job.details and job.details.scopes
  if not list then return false end
  for _, scope in ipairs(list) do
    if not request.access:sees(scope) then return false end
  end
  return true
end

local function find(request, service)
  local job, message, code = service.jobs:get(request.params.id)
  if not job then error({ message = code == "not_found" and "there is no such job" or message, code = code }, 0) end
  if not may_see(request, job) then error({ message = "there is no such job", code = "not_found" }, 0) end
  return job
end

local function begin(request, service)
  local wanted = (request.body or {}).scopes
  if request.access.is_narrow and not wanted then
    return reply.problem(400, "invalid-request", "this key is narrowed: /body/scopes has to say which scopes")
  end
  for _, scope in ipairs(wanted or {}) do
    if not request.access:sees(scope) then return reply.problem(404, "not-found", ("nothing is known of %s"):format(scope)) end
  end
  local job, is_new = service:collect(request.access:name(), wanted and json.array(wanted) or nil)
  if is_new then service:audit(request.access, "collect", job.document.id) end
  return reply.json(202, jobs.document(job.document), { Location = "/v1/jobs/" .. job.document.id, ["Retry-After"] = "2" })
end

return {
  { "POST /v1/collections", summary = "Begin a collection", role = "operator",
    about = "Of some scopes, or of all that the accounts choose. While such a one waits or runs, the answer is that one.",
    body = { scopes = schema.list(schema.scope(), 1000) }, replies = { [202] = "The job" }, handle = begin },
  { "GET /v1/jobs", summary = "Jobs, newest first", role = "reader", query = { limit = schema.integer(1, 200, 50) },
    replies = { [200] = "The newest of them" }, handle = function(request, service)
      local list, message, code = service.jobs:list()
      if not list then return reply.failure(message, code) end
      local items = json.array({})
      for _, job in ipairs(list) do
        if #items < request.query.limit and may_see(request, job) then items[#items + 1] = jobs.document(job) end
      end
      return reply.json(200, { items = items })
    end },
  { "GET /v1/jobs/{id}", summary = "One job", role = "reader", path = ID, replies = { [200] = "The job" },
    handle = function(request, service) return reply.json(200, jobs.document(find(request, service))) end },
  { "DELETE /v1/jobs/{id}", summary = "Cancel a job", role = "operator", path = ID,
    about = "What it has published stays; a scope that is being read is given up.",
    replies = { [202] = "It is asked to stop", [409] = "It is over, or another engine's" }, handle = function(request, service)
      local job = find(request, service)
      if not service.jobs:cancel(job.id) then
        return reply.problem(409, "conflict", "the job is over, or runs in another engine")
      end
      service:audit(request.access, "cancel", job.id)
      return reply.json(202, jobs.document(job))
    end },
}
