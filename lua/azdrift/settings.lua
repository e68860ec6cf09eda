--- Every setting of azdrift.lua, once: this table drives validation, environment names, defaults and
--- docs/configuration.md.
---
--- A row: { "section.name", kind, doc, env = NAME, default = ..., min, max, choices, fields, secret }
---   kind: text, integer, number, boolean, duration (written "3h", kept in seconds), choice, list (of texts), map
--- (anything),
---   records (a list of tables, each with `fields`)
local SEVERITIES = { "info", "low", "medium", "high", "critical" }

local settings = {}

settings.ROWS = {
  { "cloud", "text", "`public`, `usgov`, `china`, or the URL of an ARM endpoint, which then tells its own login "
    .. "hosts; plain http "
    .. "only on loopback", env = "AZDRIFT_CLOUD", default = "public" },
  { "store.url", "text", "where MongoDB answers; without it snapshots are kept in one SQLite file", env = "MONGODB_URL",
    secret = true },
  { "store.database", "text", "database in MongoDB", env = "MONGODB_DB_NAME", default = "azure_drift" },
  { "store.projection", "boolean", "MongoDB: keep the collection `resources`, the current state in plain BSON (docs/data-model.md)",
    default = true },
  { "store.retry", "duration", "how long a step waits for another writer, or is tried again while servers elect or are away",
    min = 0.001, max = 600, default = "30s" },
  { "store.select_timeout", "duration", "MongoDB: finding a server; as with the next ones, what `store.url` says goes before",
    min = 0.001, max = 600, default = "5s" },
  { "store.connect_timeout", "duration", "MongoDB: making one connection", min = 0.001, max = 600, default = "5s" },
  { "store.socket_timeout", "duration", "MongoDB: one answer of a server", min = 0.001, max = 600, default = "60s" },
  { "store.wait_timeout", "duration", "MongoDB: a free connection", min = 0.001, max = 600, default = "10s" },
  { "store.heartbeat", "duration", "MongoDB: between two looks at each server", min = 0.5, max = 600, default = "10s" },
  { "store.connections", "integer", "MongoDB: connections to each server at most", min = 1, max = 1000, default = 64 },
  { "store.path", "text", "the SQLite file; a relative path counts from the folder of azdrift.lua",
    env = "AZDRIFT_STORE", default = "azdrift.db" },
  { "accounts", "records",
    "whose subscriptions are read; without any: the AZURE_* variables below, else who `az login` says", fields = {
      { "name", "text", "what this account is called in reports and logs", required = true },
      { "tenant", "text", "tenant id", env = "AZURE_TENANT_ID" },
      { "credential", "choice", "how azdrift signs in: `az login`, a client secret, a federated token (AKS), or the "
        .. "identity of the machine (IMDS, App Service); `certificate` is refused when used",
        choices = { "cli", "secret", "certificate", "workload", "managed_identity" }, default = "cli" },
      { "client", "text", "client id of the application or of a user-assigned identity", env = "AZURE_CLIENT_ID" },
      { "secret", "text", "client secret; take it from the environment: `env(\"NAME\")`", env = "AZURE_CLIENT_SECRET",
        secret = true },
      { "certificate", "text", "file with certificate and key (PEM)", env = "AZURE_CLIENT_CERTIFICATE_PATH" },
      { "token_file", "text", "file with the federated token of `workload`", env = "AZURE_FEDERATED_TOKEN_FILE" },
      { "include", "list", "subscription ids to read; `*` stands for any text", default = { "*" },
        env = "AZURE_SUBSCRIPTION_ID" },
      { "exclude", "list", "subscription ids to leave out", default = {} },
    } },
  { "collect.every", "duration", "of the service: time between two collections of one scope", default = "3h" },
  { "collect.jitter", "duration", "of the service: random delay before each, so that scopes do not all start at once",
    default = "5m" },
  { "collect.budget", "number", "part of Azure's request limits that azdrift may use: as far as the answers say what is "
    .. "left, the rest stays for other tools", min = 0.01, max = 1,
    default = 0.5 },
  { "collect.connections", "integer", "connections at once", min = 1, max = 512, default = 32 },
  { "collect.deadline", "duration", "for one answer of Azure, from the request to its last byte", default = "60s" },
  { "collect.tries", "integer", "how often a request is sent before it counts as failed", min = 1, max = 20, default = 5 },
  { "collect.backoff", "duration", "longest wait before the second try where Azure names none; doubles with each, and each is a "
    .. "random part of it", default = "800ms" },
  { "collect.backoff_max", "duration", "no wait is longer; where Azure asks for a longer one, the request counts as throttled",
    default = "60s" },
  { "collect.proxy", "text", "proxy for requests to Azure", env = "HTTPS_PROXY", secret = true },
  { "collect.ca_file", "text", "certificates to trust instead of the system's (PEM)", env = "AZDRIFT_CA_FILE" },
  { "severity.default", "choice", "of a drift that no policy speaks of", choices = SEVERITIES, default = "low" },
  { "severity.fail_on", "choice", "exit code 2 from this severity on", choices = SEVERITIES, default = "low" },
  { "severity.tags_only", "choice", "of a drift in tags only that no policy speaks of", choices = SEVERITIES,
    default = "info" },
  { "redaction.key", "text",
    "key of the digests that stand for secrets: the same on every engine of one store, at least 16 bytes. "
    .. "SQLite: made at first start beside the store; MongoDB: required", env = "AZDRIFT_REDACTION_KEY",
    env_file = "AZDRIFT_REDACTION_KEY_FILE", secret = true },
  { "params", "map", "what policies ask for with `param(name, default)`", default = {} },
  { "listen", "list", "of the service: where it listens, `host:port` or `unix:/path`", env = "AZDRIFT_LISTEN",
    default = { "127.0.0.1:8200" } },
  { "tls.certificate", "text", "of the service: PEM file with the certificate and its chain; with a key every TCP address speaks TLS",
    env = "AZDRIFT_TLS_CERTIFICATE" },
  { "tls.key", "text", "of the service: PEM file with the certificate's key, without a passphrase", env = "AZDRIFT_TLS_KEY" },
  { "tls.only_1_3", "boolean", "of the service: refuse TLS 1.2", default = false },
  { "entra.tenant", "text", "of the service: id of the Entra ID tenant whose tokens are taken; without it API keys alone are",
    env = "AZDRIFT_ENTRA_TENANT" },
  { "entra.audiences", "list", "of the service: whom a token must be for, as `api://azdrift`; its app roles reader, operator, admin count",
    env = "AZDRIFT_ENTRA_AUDIENCES", default = {} },
  { "entra.authority", "text", "of the service: who issues the tokens, `https://login.microsoftonline.us` for US Government",
    env = "AZDRIFT_ENTRA_AUTHORITY", default = "https://login.microsoftonline.com" },
  { "limits.connections", "integer", "of the service: connections at once; beyond, the longest idle one goes", min = 1, max = 1000000,
    default = 1024 },
  { "limits.connections_per_address", "integer", "of the service: connections of one address, an IPv6 /64 being one", min = 1,
    max = 1000000, default = 64 },
  { "limits.body_bytes", "integer", "of the service: bytes of a request's body; beyond: 413", min = 1024, max = 67108864,
    default = 1048576 },
  { "limits.handshake", "duration", "of the service: for a TLS handshake", default = "10s" },
  { "limits.head", "duration", "of the service: for a request's head; then 408", default = "10s" },
  { "limits.body", "duration", "of the service: for a request's body; then 408", default = "30s" },
  { "limits.idle", "duration", "of the service: between two requests of a connection", default = "60s" },
  { "limits.write", "duration", "of the service: for a client to take 64 KB of a reply", default = "30s" },
  { "limits.request", "duration", "of the service: for a reply, or for each piece of a long one; then 503", default = "30s" },
  { "limits.reads_per_second", "integer", "of the service: GET and HEAD of one key; 0: no limit", min = 0, max = 1000000, default = 100 },
  { "limits.read_burst", "integer", "of the service: so many of them at once", min = 0, max = 1000000, default = 200 },
  { "limits.writes_per_second", "integer", "of the service: all other requests of one key; 0: no limit", min = 0, max = 1000000,
    default = 5 },
  { "limits.write_burst", "integer", "of the service: so many of them at once", min = 0, max = 1000000, default = 20 },
  { "limits.failures_per_minute", "integer", "of the service: wrong keys of one address; beyond: 429 for the wrong ones; 0: no limit",
    min = 0, max = 1000000, default = 10 },
  { "notify", "records", "of the service: who is told of drift",
    fields = {
      { "to", "text", "URL of a webhook", required = true, secret = true },
      { "min", "choice", "from this severity on", choices = SEVERITIES, default = "high" },
      { "on", "list", "transitions: `new`, `worse`, `resolved`", choices = { "new", "worse", "resolved" },
        default = { "new", "worse", "resolved" } },
    } },
  { "retention.all", "duration", "every snapshot is kept this long; after each collection and by `azdrift db compact` older ones are "
    .. "thinned out", default = "30d" },
  { "retention.daily", "duration", "the last snapshot of each day (UTC) is kept this long; not shorter than `all`", default = "180d" },
  { "retention.weekly", "duration", "the last of each week; not shorter than `daily`", default = "2y" },
  { "retention.monthly", "duration", "the last of each month; not shorter than `weekly`. What a baseline stands on, and the newest, "
    .. "always stay", default = "10y" },
}

--- "collect.every" -> "AZDRIFT_COLLECT_EVERY", where the row names no other; nil for what has no place in one variable.
function settings.environment_name(row)
  if row[2] == "records" or row[2] == "map" then return nil end
  return row.env or "AZDRIFT_" .. row[1]:gsub("%.", "_"):upper()
end

return settings
