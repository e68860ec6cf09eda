#include "bind/gate.h"

#include "auth/rate.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FAILING_ADDRESSES = 4096, CODE_CLASSES = 5 };
#define SECOND_NS INT64_C(1000000000)

struct gate_route {
  enum azd_role role;
  uint32_t body_bytes, deadline_ms;
  struct azd_metric *counters[CODE_CLASSES], *seconds;
  char method[16];
};

struct failing { /* an address that sent wrong keys; where two share a slot the later counts */
  uint64_t network;
  int64_t bucket;
};

struct azd_gate {
  unsigned refs;
  struct azd_routes *routes;
  struct gate_route *declared; /* AZD_ROUTES_MAX */
  unsigned n_routes;
  struct azd_keyring *keyring;
  struct azd_tokens *tokens; /* NULL: none are taken */
  enum azd_role anonymous;
  struct azd_rate rates[AZD_KEYRING_RATES], failures;
  struct failing failing[FAILING_ADDRESSES];
  struct azd_gate_refusal refusals[AZD_GATE_REFUSALS_MAX];
  size_t n_refusals;
};

static struct azd_metric_family requests_family = {
    .kind = AZD_COUNTER,
    .name = "azdrift_http_requests_total",
    .help = "Requests that were let in and answered, by route template and class of status.",
    .labels = {"route", "method", "code"}};
static struct azd_metric_family seconds_family = {.kind = AZD_HISTOGRAM,
                                                  .name = "azdrift_http_request_seconds",
                                                  .help = "From the head of a request to the end of its reply.",
                                                  .labels = {"route", "method"}};
static struct azd_metric_family refused_family = {.kind = AZD_COUNTER,
                                                  .name = "azdrift_http_refused_total",
                                                  .help = "Requests answered before any script heard of them.",
                                                  .labels = {"status"}};

struct azd_gate_limits azd_gate_limits_default(void) {
  return (struct azd_gate_limits){
      .reads_per_second = 100, .read_burst = 200, .writes_per_second = 5, .write_burst = 20, .failures_per_minute = 10};
}

static struct azd_rate rate_of(uint32_t per_second, uint32_t burst) {
  if (per_second == 0 || burst == 0) return (struct azd_rate){0};
  return (struct azd_rate){.interval_ns = SECOND_NS / per_second, .burst = burst};
}

void azd_gate_set_limits(struct azd_gate *gate, const struct azd_gate_limits *limits) {
  gate->rates[AZD_GATE_READ] = rate_of(limits->reads_per_second, limits->read_burst);
  gate->rates[AZD_GATE_WRITE] = rate_of(limits->writes_per_second, limits->write_burst);
  gate->failures = rate_of(1, limits->failures_per_minute);
  if (limits->failures_per_minute != 0) gate->failures.interval_ns = 60 * SECOND_NS / limits->failures_per_minute;
}

struct azd_gate *azd_gate_new(void) {
  struct azd_gate *gate = calloc(1, sizeof *gate);
  if (gate == NULL) return NULL;
  gate->refs = 1;
  gate->routes = azd_routes_new();
  gate->declared = calloc(AZD_ROUTES_MAX, sizeof *gate->declared);
  gate->keyring = azd_keyring_new();
  const struct azd_gate_limits limits = azd_gate_limits_default();
  azd_gate_set_limits(gate, &limits);
  if (gate->routes != NULL && gate->declared != NULL && gate->keyring != NULL) return gate;
  azd_gate_unref(gate);
  return NULL;
}

struct azd_gate *azd_gate_ref(struct azd_gate *gate) {
  gate->refs++;
  return gate;
}

void azd_gate_unref(struct azd_gate *gate) {
  if (gate == NULL || --gate->refs > 0) return;
  azd_routes_free(gate->routes);
  azd_keyring_free(gate->keyring);
  azd_tokens_free(gate->tokens);
  free(gate->declared);
  free(gate);
}

void azd_gate_set_anonymous(struct azd_gate *gate, enum azd_role role) {
  gate->anonymous = role;
}

int azd_gate_add(struct azd_gate *gate, const struct azd_gate_route *wanted, unsigned *out, struct azd_error *error) {
  static const char *const CLASSES[CODE_CLASSES] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
  unsigned route;
  const int rc = azd_routes_add(gate->routes, wanted->method, wanted->path, &route, error);
  if (rc != 0) return rc;
  struct gate_route *declared = &gate->declared[route];
  declared->role = wanted->role;
  declared->body_bytes = wanted->body_bytes;
  declared->deadline_ms = wanted->deadline_ms;
  memcpy(declared->method, wanted->method.data, wanted->method.size);
  const char *template = azd_route_path(gate->routes, route).data;
  for (int i = 1; i < CODE_CLASSES; i++)
    declared->counters[i] = azd_metric_of(&requests_family, (const char *[]){template, declared->method, CLASSES[i]});
  declared->seconds = azd_metric_of(&seconds_family, (const char *[]){template, declared->method});
  gate->n_routes = route + 1;
  *out = route;
  return 0;
}

uint32_t azd_gate_deadline_ms(const struct azd_gate *gate, unsigned route) {
  return gate->declared[route].deadline_ms;
}

void azd_gate_set_tokens(struct azd_gate *gate, struct azd_tokens *tokens) {
  azd_tokens_free(gate->tokens);
  gate->tokens = tokens;
}

struct azd_tokens *azd_gate_tokens(struct azd_gate *gate) {
  return gate->tokens;
}

struct azd_keyring *azd_gate_keys(struct azd_gate *gate) {
  return gate->keyring;
}

void azd_gate_set_keys(struct azd_gate *gate, struct azd_keyring *keyring) {
  for (size_t i = 0; i < azd_keyring_count(keyring); i++) {
    struct azd_keyring_entry *now = azd_keyring_at(keyring, i);
    const struct azd_keyring_entry *before =
        azd_keyring_find(gate->keyring, (struct azd_str){now->id, AZD_API_KEY_ID_BYTES});
    if (before == NULL) continue;
    now->used_ms = before->used_ms;
    memcpy(now->buckets, before->buckets, sizeof now->buckets);
  }
  azd_keyring_free(gate->keyring);
  gate->keyring = keyring;
}

/* ---- refusing --------------------------------------------------------------------------------------------------- */

struct refusal {
  int status;
  const char *title, *code;   /* static; the code is for programs */
  const char *detail;         /* for people */
  struct azd_http_pair extra; /* one more field; an empty name: none */
};

static void keep_refusal(struct azd_gate *gate, const struct azd_http_request *request, int status,
                         const char *key_id) {
  struct azd_gate_refusal one = {.status = status, .count = 1};
  const struct azd_http_peer peer = azd_http_request_peer(request);
  const struct azd_str path = azd_http_request_path(request);
  snprintf(one.remote, sizeof one.remote, "%s", peer.is_unix ? "unix" : peer.address);
  snprintf(one.key_id, sizeof one.key_id, "%s", key_id);
  snprintf(one.path, sizeof one.path, "%.*s", AZD_STR_FORMAT(path));
  for (size_t i = 0; i < gate->n_refusals; i++) {
    struct azd_gate_refusal *known = &gate->refusals[i];
    const bool is_alike = known->status == status && strcmp(known->remote, one.remote) == 0 &&
                          strcmp(known->key_id, one.key_id) == 0 && strcmp(known->path, one.path) == 0;
    if (!is_alike && i < AZD_GATE_REFUSALS_MAX - 1) continue;
    known->count++;
    return;
  }
  gate->refusals[gate->n_refusals++] = one;
}

size_t azd_gate_take_refusals(struct azd_gate *gate, struct azd_gate_refusal out[AZD_GATE_REFUSALS_MAX]) {
  const size_t count = gate->n_refusals;
  memcpy(out, gate->refusals, count * sizeof *out);
  gate->n_refusals = 0;
  return count;
}

static void log_request(struct azd_http_request *request, const struct azd_admission *admission, const char *route,
                        int status, uint64_t body_bytes);

static int refuse(struct azd_gate *gate, struct azd_http_request *request, const struct refusal *refusal) {
  const struct azd_admission *admission = azd_gate_admission(request);
  char status_text[12];
  snprintf(status_text, sizeof status_text, "%d", refusal->status);
  azd_metric_add(azd_metric_of(&refused_family, (const char *[]){status_text}), 1);
  if (refusal->status == 401 || refusal->status == 403 || refusal->status == 429)
    keep_refusal(gate, request, refusal->status, admission->key_id);
  struct azd_buf body;
  azd_buf_init(&body, 0);
  azd_buf_printf(&body,
                 "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"code\":\"%s\",\"detail\":", refusal->title,
                 refusal->status, refusal->code);
  azd_buf_append_json(&body, azd_str_of(refusal->detail));
  azd_buf_printf(&body, ",\"instance\":\"%s\"}\n", admission->id);
  struct azd_http_pair fields[] = {{AZD_STR("Content-Type"), AZD_STR("application/problem+json")},
                                   {AZD_STR("Cache-Control"), AZD_STR("no-store")},
                                   {AZD_STR("X-Content-Type-Options"), AZD_STR("nosniff")},
                                   {AZD_STR("X-Request-Id"), azd_str_of(admission->id)},
                                   refusal->extra};
  log_request(request, admission, NULL, refusal->status, body.size);
  int rc = azd_buf_status(&body);
  if (rc == 0)
    rc = azd_http_reply(request, refusal->status, fields, refusal->extra.name.size ? 5 : 4, azd_buf_str(&body));
  azd_buf_free(&body);
  return rc;
}

static int refuse_wait(struct azd_gate *gate, struct azd_http_request *request, int64_t wait_ns, const char *code,
                       const char *detail) {
  char seconds[24];
  snprintf(seconds, sizeof seconds, "%lld", (long long)((wait_ns + SECOND_NS - 1) / SECOND_NS));
  return refuse(
      gate, request,
      &(struct refusal){429, "Too Many Requests", code, detail, {AZD_STR("Retry-After"), azd_str_of(seconds)}});
}

static int refuse_method(struct azd_gate *gate, struct azd_http_request *request, const char *allow) {
  const struct azd_http_pair field = {AZD_STR("Allow"), azd_str_of(allow)};
  if (azd_str_equal(azd_http_request_method(request), AZD_STR("OPTIONS")))
    return azd_http_reply(request, 204, &field, 1, AZD_STR(""));
  return refuse(gate, request,
                &(struct refusal){405, "Method Not Allowed", "method-not-allowed",
                                  "this path does not take the method; Allow says what it takes", field});
}

/* Wrong keys cost the address that sends them; a right one is always let through, whoever else is behind the address.
 */
static int refuse_key(struct azd_gate *gate, struct azd_http_request *request, const char *detail) {
  const uint64_t network = azd_http_request_peer(request).network;
  struct failing *failing = &gate->failing[(network * 0x9e3779b97f4a7c15u) >> 52];
  if (failing->network != network) *failing = (struct failing){.network = network};
  int64_t wait_ns = 0;
  if (network != 0 && !azd_rate_take(&gate->failures, &failing->bucket, azd_clock_mono_ns(), &wait_ns, NULL))
    return refuse_wait(gate, request, wait_ns, "too-many-failures", "too many wrong credentials from this address");
  return refuse(gate, request,
                &(struct refusal){401,
                                  "Unauthorized",
                                  "invalid-credentials",
                                  detail,
                                  {AZD_STR("WWW-Authenticate"), AZD_STR("Bearer error=\"invalid_token\"")}});
}

/* ---- who -------------------------------------------------------------------------------------------------------- */

static bool is_harmless_id(struct azd_str id) {
  if (id.size == 0 || id.size > AZD_GATE_REQUEST_ID_BYTES) return false;
  for (size_t i = 0; i < id.size; i++) {
    const unsigned char c = azd_fold((unsigned char)id.data[i]);
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-')) return false;
  }
  return true;
}

/* W3C trace context: 00-<32 hex>-<16 hex>-<2 hex>. */
static void read_trace(const struct azd_http_request *request, struct azd_admission *admission) {
  struct azd_str trace;
  uint8_t id[16];
  if (!azd_http_request_field(request, AZD_STR("traceparent"), &trace) || trace.size < 55 || trace.data[2] != '-' ||
      trace.data[35] != '-' || !azd_unhex((struct azd_str){trace.data + 3, 32}, id, sizeof id))
    return;
  azd_hex(id, sizeof id, admission->trace_id);
}

/* The credential of the request, wherever it stands; false: there is none. Empty: some other scheme than ours. */
static bool find_credential(const struct azd_http_request *request, struct azd_str *key) {
  struct azd_str value;
  if (azd_http_request_field(request, AZD_STR("authorization"), &value)) {
    const struct azd_str scheme = AZD_STR("bearer ");
    *key = (struct azd_str){"", 0};
    if (azd_str_starts_with_fold(value, scheme))
      *key = (struct azd_str){value.data + scheme.size, value.size - scheme.size};
    return true;
  }
  return azd_http_request_field(request, AZD_STR("x-api-key"), key);
}

/* A page in a browser can make it send requests to this machine; what it cannot do is take Origin and Sec-Fetch-Site
 * away, or name the machine as the user would, once its own name points here. */
static bool comes_from_a_page(const struct azd_http_request *request) {
  static const char *const OURS[] = {"127.0.0.1", "localhost", "[::1]", ""};
  struct azd_str value, host = azd_http_request_host(request);
  if (azd_http_request_field(request, AZD_STR("origin"), &value)) return true;
  if (azd_http_request_field(request, AZD_STR("sec-fetch-site"), &value) && !azd_str_equal(value, AZD_STR("none")) &&
      !azd_str_equal(value, AZD_STR("same-origin")))
    return true;
  const char *colon = host.size ? memchr(host.data, ':', host.size) : NULL;
  if (host.size && host.data[0] != '[' && colon != NULL) host.size = (size_t)(colon - host.data);
  if (host.size && host.data[0] == '[' && (colon = memchr(host.data, ']', host.size)) != NULL)
    host.size = (size_t)(colon + 1 - host.data);
  for (size_t i = 0; i < sizeof OURS / sizeof *OURS; i++)
    if (azd_str_equal_fold(host, azd_str_of(OURS[i]))) return false;
  return true;
}

static void identify_without_key(struct azd_gate *gate, const struct azd_http_request *request,
                                 struct azd_admission *admission) {
  const struct azd_http_peer peer = azd_http_request_peer(request);
  if (peer.is_unix && (peer.uid == 0 || peer.uid == (uint32_t)geteuid())) {
    admission->principal = AZD_PRINCIPAL_PEER;
    admission->role = AZD_ROLE_ADMIN;
  } else if (gate->anonymous != AZD_ROLE_NONE && azd_keyring_count(gate->keyring) == 0 && gate->tokens == NULL &&
             (peer.is_loopback || peer.is_unix) && !comes_from_a_page(request)) {
    admission->principal = AZD_PRINCIPAL_ANONYMOUS;
    admission->role = (uint8_t)gate->anonymous;
  }
}

/* ---- letting in ------------------------------------------------------------------------------------------------- */

/* The key or token of the request: 1 and its rates' buckets, or what a refusal answered. */
static int identify(struct azd_gate *gate, struct azd_http_request *request, struct azd_str text,
                    struct azd_admission *admission, int64_t **buckets) {
  const int64_t now_ms = azd_clock_wall_ms();
  if (gate->tokens != NULL && !(text.size >= 4 && memcmp(text.data, "azd_", 4) == 0)) {
    struct azd_token *token;
    const enum azd_jwt_verdict verdict = azd_tokens_check(gate->tokens, text, now_ms / 1000, &token);
    if (verdict != AZD_JWT_OK) return refuse_key(gate, request, azd_jwt_reason(verdict));
    memcpy(admission->subject, token->subject, sizeof admission->subject);
    admission->principal = AZD_PRINCIPAL_TOKEN;
    admission->role = (uint8_t)token->role;
    *buckets = token->buckets;
    return 1;
  }
  struct azd_keyring_entry *key;
  const enum azd_key_verdict verdict = azd_keyring_check(gate->keyring, text, now_ms, &key);
  if (key != NULL) memcpy(admission->key_id, key->id, AZD_API_KEY_ID_BYTES);
  if (verdict == AZD_KEY_EXPIRED) return refuse_key(gate, request, "the key has expired");
  if (verdict != AZD_KEY_TAKEN) return refuse_key(gate, request, "the key is not known here");
  admission->principal = AZD_PRINCIPAL_KEY;
  admission->role = (uint8_t)key->role;
  *buckets = key->buckets;
  return 1;
}

/* Who asks, and whether he may: 1, or what a refusal answered. */
static int authorize(struct azd_gate *gate, struct azd_http_request *request, struct azd_admission *admission,
                     const struct gate_route *route) {
  struct azd_str text;
  int64_t *buckets = NULL;
  if (find_credential(request, &text)) {
    const int rc = identify(gate, request, text, admission, &buckets);
    if (rc <= 0) return rc;
  } else {
    identify_without_key(gate, request, admission);
  }
  if (admission->principal == AZD_PRINCIPAL_NOBODY)
    return refuse(gate, request,
                  &(struct refusal){401,
                                    "Unauthorized",
                                    "unauthorized",
                                    "an API key is needed: Authorization: Bearer azd_...",
                                    {AZD_STR("WWW-Authenticate"), AZD_STR("Bearer")}});
  if (admission->role < route->role)
    return refuse(
        gate, request,
        &(struct refusal){
            .status = 403, .title = "Forbidden", .code = "forbidden", .detail = "the role of this key is not enough"});
  const struct azd_str method = azd_http_request_method(request);
  const bool reads = azd_str_equal(method, AZD_STR("GET")) || azd_str_equal(method, AZD_STR("HEAD"));
  const enum azd_gate_rate class = reads ? AZD_GATE_READ : AZD_GATE_WRITE;
  int64_t wait_ns = 0;
  if (buckets != NULL && !azd_rate_take(&gate->rates[class], &buckets[class], azd_clock_mono_ns(), &wait_ns, NULL))
    return refuse_wait(gate, request, wait_ns, "too-many-requests", "this key asks too often");
  return 1;
}

int azd_gate_admit(struct azd_gate *gate, struct azd_http_request *request) {
  _Static_assert(sizeof(struct azd_admission) <= AZD_HTTP_NOTE_BYTES, "an admission fits into the note");
  struct azd_admission *admission = azd_http_request_note(request);
  struct azd_str id;
  admission->begin_ns = azd_clock_mono_ns();
  if (azd_http_request_field(request, AZD_STR("x-request-id"), &id) && is_harmless_id(id))
    memcpy(admission->id, id.data, id.size);
  else
    azd_uuid7(admission->id);
  read_trace(request, admission);
  struct azd_route_match match;
  switch (azd_routes_match(gate->routes, azd_http_request_method(request), azd_http_request_path(request), &match)) {
  case AZD_ROUTE_NO_PATH:
    return refuse(gate, request,
                  &(struct refusal){.status = 404,
                                    .title = "Not Found",
                                    .code = "no-such-path",
                                    .detail = "nothing is served under this path"});
  case AZD_ROUTE_NO_METHOD: return refuse_method(gate, request, match.allow);
  case AZD_ROUTE_FOUND: break;
  }
  const struct gate_route *route = &gate->declared[match.route];
  admission->route = match.route;
  if (route->body_bytes != 0) azd_http_request_limit_body(request, route->body_bytes);
  if (route->role == AZD_ROLE_NONE) return 0;
  const int rc = authorize(gate, request, admission, route);
  return rc > 0 ? 0 : rc;
}

const struct azd_admission *azd_gate_admission(struct azd_http_request *request) {
  return azd_http_request_note(request);
}

void azd_gate_match(const struct azd_gate *gate, const struct azd_http_request *request,
                    struct azd_route_match *match) {
  (void)azd_routes_match(gate->routes, azd_http_request_method(request), azd_http_request_path(request), match);
}

const struct azd_routes *azd_gate_routes(const struct azd_gate *gate) {
  return gate->routes;
}

/* ---- telling ---------------------------------------------------------------------------------------------------- */

static void log_request(struct azd_http_request *request, const struct azd_admission *admission, const char *route,
                        int status, uint64_t body_bytes) {
  static const char *const PRINCIPALS[] = {"nobody", "anonymous", "peer", "key", "token"};
  if (!azd_log_enabled(AZD_LOG_INFO)) return;
  const struct azd_http_peer peer = azd_http_request_peer(request);
  struct azd_buf line;
  azd_buf_init(&line, 0);
  azd_buf_printf(&line, "\"request_id\":\"%s\"", admission->id);
  if (admission->trace_id[0]) azd_buf_printf(&line, ",\"trace_id\":\"%s\"", admission->trace_id);
  const char *who = admission->subject[0] ? admission->subject : admission->key_id;
  azd_buf_printf(&line, ",\"principal\":\"%s", PRINCIPALS[admission->principal]);
  if (*who) azd_buf_append_char(&line, ':');
  azd_buf_append_json_part(&line, azd_str_of(who));
  azd_buf_printf(&line, "\",\"role\":\"%s\",\"method\":", azd_role_name((enum azd_role)admission->role));
  azd_buf_append_json(&line, azd_http_request_method(request));
  if (route != NULL) azd_buf_printf(&line, ",\"route\":\"%s\"", route);
  azd_buf_append_text(&line, ",\"path\":");
  azd_buf_append_json(&line, azd_http_request_path(request));
  azd_buf_printf(&line, ",\"status\":%d,\"bytes_in\":%zu,\"bytes_out\":%llu,\"duration_ms\":%.3f", status,
                 azd_http_request_body(request).size, (unsigned long long)body_bytes,
                 (double)(azd_clock_mono_ns() - admission->begin_ns) / 1e6);
  azd_buf_printf(&line, ",\"remote\":\"%s\",\"tls\":%s", peer.is_unix ? "unix" : peer.address,
                 azd_http_request_is_tls(request) ? "true" : "false");
  if (azd_buf_status(&line) == 0) azd_log_members(AZD_LOG_INFO, "http", azd_buf_str(&line));
  azd_buf_free(&line);
}

void azd_gate_note(struct azd_gate *gate, struct azd_http_request *request, int status, uint64_t body_bytes) {
  const struct azd_admission *admission = azd_gate_admission(request);
  const struct gate_route *route = &gate->declared[admission->route];
  const int class = status / 100 - 1;
  if (class >= 0 && class < CODE_CLASSES) azd_metric_add(route->counters[class], 1);
  azd_metric_observe(route->seconds, (double)(azd_clock_mono_ns() - admission->begin_ns) / 1e9);
  log_request(request, admission, azd_route_path(gate->routes, admission->route).data, status, body_bytes);
}
