/* Who may do what, decided before a script hears of the request: the route, who asks, whether his role is enough,
 * whether he asks too often. What is not let in is answered here, as application/problem+json, and counted; it wakes no
 * Lua.
 *
 * Who asks: the holder of an API key (`Authorization: Bearer azd_...` or `X-API-Key`); the holder of a token of our
 * tenant; by Unix socket root and the engine's own user, as admins; and, as long as there is no key at all, anybody on
 * this machine, with the role that azd_gate_set_anonymous says, unless a browser sent him here from some page: then it
 * is the page that asks.
 *
 * Life: azd_gate_new .. azd_gate_unref; servers that ask it hold a reference. Thread: the loop's. Blocks: never.
 * Milliseconds since 1970 but where a name says otherwise. */
#ifndef AZD_BIND_GATE_H
#define AZD_BIND_GATE_H

#include "auth/tokens.h"
#include "net/http_server.h"
#include "net/route.h"

enum { AZD_GATE_REQUEST_ID_BYTES = 64, AZD_GATE_REFUSALS_MAX = 256 };
enum azd_gate_rate { AZD_GATE_READ, AZD_GATE_WRITE }; /* GET and HEAD; everything else */

struct azd_gate; /* opaque */

struct azd_gate_limits { /* requests of one principal */
  uint32_t reads_per_second, read_burst, writes_per_second, write_burst;
  uint32_t
      failures_per_minute; /* wrong keys of one address; beyond: 429 for its next wrong one, never for a right one */
};
/* 100 and 200, 5 and 20, 10. 0 in any of them: no limit. */
struct azd_gate_limits azd_gate_limits_default(void);

/* NULL: out of memory. */
struct azd_gate *azd_gate_new(void);
struct azd_gate *azd_gate_ref(struct azd_gate *gate);
/* NULL is fine. */
void azd_gate_unref(struct azd_gate *gate);
void azd_gate_set_limits(struct azd_gate *gate, const struct azd_gate_limits *limits);
/* AZD_ROLE_NONE, as at the beginning: nobody without a key. */
void azd_gate_set_anonymous(struct azd_gate *gate, enum azd_role role);

struct azd_gate_route {
  struct azd_str method, path; /* copied */
  enum azd_role role;          /* NONE: for everybody */
  uint32_t body_bytes;         /* 0: the server's limit */
  uint32_t deadline_ms;        /* of its handler; 0: the listener's */
};
/* Errors as azd_routes_add. */
int azd_gate_add(struct azd_gate *gate, const struct azd_gate_route *wanted, unsigned *route, struct azd_error *error);
uint32_t azd_gate_deadline_ms(const struct azd_gate *gate, unsigned route);
/* Takes the keyring over, in the place of the last; uses and rates of keys that stay go on. */
void azd_gate_set_keys(struct azd_gate *gate, struct azd_keyring *keyring);
struct azd_keyring *azd_gate_keys(struct azd_gate *gate);

/* Takes the tokens over: bearer tokens that are no API keys are asked there. NULL: none are taken. */
void azd_gate_set_tokens(struct azd_gate *gate, struct azd_tokens *tokens);
struct azd_tokens *azd_gate_tokens(struct azd_gate *gate);

enum azd_principal {
  AZD_PRINCIPAL_NOBODY,
  AZD_PRINCIPAL_ANONYMOUS,
  AZD_PRINCIPAL_PEER,
  AZD_PRINCIPAL_KEY,
  AZD_PRINCIPAL_TOKEN
};

/* What is known of a request that was let in; it lies in the request's note. */
struct azd_admission {
  int64_t begin_ns;
  unsigned route;
  uint8_t principal, role;
  char key_id[AZD_API_KEY_ID_BYTES + 1];
  char subject[40];                       /* of a token: whose it is */
  char id[AZD_GATE_REQUEST_ID_BYTES + 1]; /* the client's X-Request-Id where it has a harmless form, else a UUID */
  char trace_id[33];                      /* of traceparent; "" without */
};

/* For on_head: 0, and it is let in or answered. */
int azd_gate_admit(struct azd_gate *gate, struct azd_http_request *request);
const struct azd_admission *azd_gate_admission(struct azd_http_request *request);
/* The parameters of its path, matched anew. */
void azd_gate_match(const struct azd_gate *gate, const struct azd_http_request *request, struct azd_route_match *match);
const struct azd_routes *azd_gate_routes(const struct azd_gate *gate);

/* A request that was let in has been answered with status: metrics and the access log. Call it while the request still
 * stands. status 499: the client left before. */
void azd_gate_note(struct azd_gate *gate, struct azd_http_request *request, int status, uint64_t body_bytes);

/* What was refused since the last call, alike ones once, for the audit log. At most AZD_GATE_REFUSALS_MAX kinds are
 * told apart, the rest is counted in the last. */
struct azd_gate_refusal {
  int status;
  char remote[46], key_id[AZD_API_KEY_ID_BYTES + 1], path[96];
  uint64_t count;
};
size_t azd_gate_take_refusals(struct azd_gate *gate, struct azd_gate_refusal out[AZD_GATE_REFUSALS_MAX]);

#endif
