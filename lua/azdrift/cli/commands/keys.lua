local audit = require("azdrift.audit")
local failure = require("azdrift.cli.failure")
local keys = require("azdrift.keys")
local moment = require("azdrift.cli.moment")
local options = require("azdrift.cli.options")
local project = require("azdrift.cli.project")
local terminal = require("azdrift.cli.terminal")
local value = require("azdrift.report.value")

local DAY_S = 86400
local BY = "command line"

local function note(context, store, action, target, detail)
  failure.check(audit.append(store, { who = BY, action = action, target = target, detail = detail }, context.host.now_ms()))
end

-- The ARM ids of --scope, in the form that keys keep: a subscription's id alone is one, too.
local function prefixes(values)
  local list = {}
  for _, given in ipairs(values.scope or {}) do
    local lower = given:lower():gsub("/+$", "")
    if lower:sub(1, 1) ~= "/" then lower = require("azdrift.cli.scopes").parse(given) end
    list[#list + 1] = lower
  end
  return list
end

-- The key alone on standard output, so that it can be piped into a file; everything about it on standard error.
local function show_once(context, values, text, key)
  if values.format == "json" then
    local document = keys.document(key)
    document.key = text
    context:line(value.encode(document))
    return
  end
  context:line(text)
  if values.quiet then return end
  context:warn("key %s for %s, role %s, %s; it is shown this once", key.id, key.name, key.role,
    key.expires_ms and "until " .. moment.format(key.expires_ms) .. " UTC" or "without an end")
end

local function create(context, values)
  if not values.role then failure.raise("--role is needed: %s", table.concat(keys.ROLES, ", ")) end
  if not values.name then failure.raise("--name is needed: whose key is it?") end
  local store <close> = project.store(context)
  local text, key = keys.create(store, { name = values.name, role = values.role, scopes = prefixes(values),
    life_s = (values.days or 90) * DAY_S, by = BY }, context.host.now_ms())
  failure.check(text, key)
  note(context, store, "key-create", key.id, { name = key.name, role = key.role, scopes = key.scopes })
  show_once(context, values, text, key)
  return 0
end

local function state_of(key, now_ms)
  if key.revoked_ms then return "revoked" end
  return keys.is_live(key, now_ms) and "live" or "expired"
end

local function list(context, values)
  local store <close> = project.store(context, { read_only = true })
  local found = failure.check(keys.list(store))
  if values.format == "json" then
    for _, key in ipairs(found) do context:line(value.encode(keys.document(key))) end
    return 0
  end
  if #found == 0 then
    context:line("no key yet; `azdrift keys create --role admin --name NAME` makes one")
    return 0
  end
  local rows = { { "id", "name", "role", "scopes", "state", "expires (UTC)", "last used (UTC)" } }
  for _, key in ipairs(found) do
    local scopes = #key.scopes == 0 and "all" or terminal.safe(table.concat(key.scopes, " "))
    rows[#rows + 1] = { key.id, terminal.safe(key.name), key.role, scopes,
      state_of(key, context.host.now_ms()), key.expires_ms and moment.format(key.expires_ms) or "never",
      key.used_ms and moment.format(key.used_ms) or "never" }
  end
  for index, line in ipairs(terminal.table(rows, {})) do
    context:line(index == 1 and context.terminal:paint("dim", line) or line)
  end
  return 0
end

local function no_such_key(id, message, code)
  if code == "not_found" then failure.raise('"%s" is no key; `azdrift keys list` shows their ids', id) end
  failure.raise("%s", message)
end

local function revoke(context, values)
  local store <close> = project.store(context)
  local key, message, code = keys.revoke(store, values.id, BY, context.host.now_ms())
  if not key then no_such_key(values.id, message, code) end
  note(context, store, "key-revoke", key.id)
  if not values.quiet then
    context:line(("key %s (%s) is revoked; running services refuse it within 5 seconds"):format(key.id, key.name))
  end
  return 0
end

local function rotate(context, values)
  local store <close> = project.store(context)
  local text, key, code = keys.rotate(store, values.id, BY, context.host.now_ms())
  if not text then no_such_key(values.id, key, code) end
  note(context, store, "key-rotate", values.id, { replaced_by = key.id })
  show_once(context, values, text, key)
  return 0
end

local ID = { { name = "ID", summary = "the 8 characters behind azd_, as `azdrift keys list` shows them" } }

return {
  name = "keys",
  summary = "Make, list, exchange and revoke the API keys of the service",
  usage = "azdrift keys create|list|rotate|revoke",
  examples = { { "the first key", "azdrift keys create --role admin --name first" } },
  about = { "Who can write the store makes the first key; running services take it within 5 seconds. Of a key only a hash is kept." },
  commands = {
    { name = "create", summary = "Make a key and print it, once", usage = "azdrift keys create --role ROLE --name NAME [options]",
      options = {
        { long = "role", value = "ROLE", kind = "choice", choices = keys.ROLES,
          summary = "reader (sees), operator (also collects, initializes, acknowledges) or admin (also keys, reload, audit)" },
        { long = "name", value = "NAME", summary = "whose it is, for lists and the audit log" },
        { long = "scope", short = "s", value = "SCOPE", repeated = true,
          summary = "narrow it to what lies below this ARM id or subscription; can be given again" },
        { long = "days", value = "COUNT", kind = "integer", min = 0, max = 3650, summary = "until it expires (default 90; 0: never)" },
        options.LIST_FORMAT, options.JSON,
      },
      examples = { { "the first one", "azdrift keys create --role admin --name first" },
        { "for a dashboard that shows one subscription",
          "azdrift keys create --role reader --name grafana --scope 5a1f0b52-7a4e-4a53-9a0e-1c2d3e4f5061" } },
      run = create },
    { name = "list", summary = "List them, without their secrets", usage = "azdrift keys list [options]",
      options = { options.LIST_FORMAT, options.JSON }, examples = { { "all of them", "azdrift keys list" } }, run = list },
    { name = "rotate", summary = "A new key for an old one, which ends in a day", usage = "azdrift keys rotate ID", arguments = ID,
      options = { options.LIST_FORMAT, options.JSON }, examples = { { "one key", "azdrift keys rotate 3fK9sQ2a" } }, run = rotate },
    { name = "revoke", summary = "Refuse a key from now on", usage = "azdrift keys revoke ID", arguments = ID, options = {},
      examples = { { "one key", "azdrift keys revoke 3fK9sQ2a" } }, run = revoke },
  },
}
