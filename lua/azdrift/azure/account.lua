--- An account of the settings, signed in: its cloud, its credential, ARM as it sees it.

local Arm = require("azdrift.azure.arm")
local catalog = require("azdrift.azure.catalog")
local cloud = require("azdrift.azure.cloud")
local credentials = require("azdrift.azure.credentials")
local http = require("azdrift.http")
local limits = require("azdrift.azure.limits")
local retry = require("azdrift.azure.retry")
local system = require("azdrift.system")
local task = require("azdrift.task")

local account = {}

-- A company's proxy knows no way back to this machine, and must never see the token of its identity (169.254.169.254).
local NOT_BY_PROXY = "localhost,127.0.0.1,::1,169.254.169.254"

--- @return { name, arm, catalog, include, exclude }, or nil, a sentence that says which setting to mend
function account.sign_in(entry, settings)
  local configured, problem = http.configure({ connections = settings.collect.connections, proxy = settings.collect.proxy,
    no_proxy = NOT_BY_PROXY, ca_file = settings.collect.ca_file })
  if not configured then return nil, problem end
  local where, credential, rows
  local policy = retry.policy(settings.collect)
  where, problem = cloud.resolve(settings.cloud, http)
  if not where then return nil, problem end
  credential, problem = credentials.new(where, { kind = entry.credential, tenant = entry.tenant, client_id = entry.client,
    client_secret = entry.secret, token_file = entry.token_file, retry = policy })
  if not credential then return nil, string.format("account %s: %s", entry.name, problem) end
  task.sleep_ms(0) -- opening the catalogue takes 3 ms: a turn of the loop of its own
  rows, problem = catalog.open(system.share .. "/catalog/types.tsv")
  if not rows then return nil, problem end
  local gates = limits.new({ share = settings.collect.budget, most = settings.collect.connections })
  local arm = Arm.new({ cloud = where, limits = gates, credential = credential, retry = policy,
    deadline_ms = math.ceil(settings.collect.deadline * 1000) })
  return { name = entry.name, arm = arm, catalog = rows, include = entry.include, exclude = entry.exclude }
end

return account
