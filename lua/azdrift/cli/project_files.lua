--- The files that `azdrift init` makes. They are meant to be read: each says what can stand in it.
return {
  { "azdrift.lua", [[
-- The settings of this project: data, no program. env(NAME, default) and file(PATH) are all it can call.
-- Every setting with its default and its environment variable: azdrift help config
return {
  -- Where snapshots are kept: one SQLite file beside this one. Others: azdrift help config.
  store = {
    path = "azdrift.db",
  },

  -- Whose subscriptions are read. Without an account it is who `az login` says, or the AZURE_* variables.
  -- Reader is all azdrift needs, and all it uses: it never writes to Azure.
  -- accounts = {
  --   { name = "prod", tenant = "<tenant id>", client = "<client id>", credential = "secret",
  --     secret = env("PROD_CLIENT_SECRET"), include = { "*" } },
  -- },

  -- Exit code 2 from this severity on: info, low, medium, high, critical.
  severity = { fail_on = "low" },

  -- What policies ask for with param(name, default).
  params = {
    trusted_cidrs = { "10.0.0.0/8" },
  },
}
]] },
  { "rules/local.lua", [[
-- What is noise here. One row is one rule; `why` is for whoever reads it next year.
-- Which rule speaks at a path: azdrift rules explain Microsoft.Network/virtualNetworks properties.subnets
rules {
  type = "*",
  owner = "platform",

  -- ignore: not compared.   observe: shown as an effect, never counted.   set: the order of the list means nothing.
  { ignore = "tags['last-scan']", why = "written by our scanner each night" },
}
]] },
  { "policies/local.lua", [[
-- How bad a change is. A policy watches a property and says a severity; its examples are its tests:
--   azdrift policies test
policy "storage-public-network" {
  type     = "Microsoft.Storage/storageAccounts",
  watch    = "properties.publicNetworkAccess",
  to       = { "Enabled" },
  severity = "medium",
  message  = "{resource.name} can be reached from public networks again",
  examples = {
    { old = { properties = { publicNetworkAccess = "Disabled" } },
      new = { properties = { publicNetworkAccess = "Enabled" } }, gives = "medium" },
    { old = { properties = { publicNetworkAccess = "Enabled" } },
      new = { properties = { publicNetworkAccess = "Disabled" } }, gives = false },
  },
}
]] },
  { ".gitignore", [[
# Snapshots and the key that stands for secrets: not for a repository.
azdrift.db
azdrift.db-*
azdrift.db.key
*.key
]] },
}
