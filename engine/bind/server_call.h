/* One request as one run of a listener's on_request. Thread: the loop's. Blocks: never. */
#ifndef AZD_BIND_SERVER_CALL_H
#define AZD_BIND_SERVER_CALL_H

#include "bind/engine.h"
#include "bind/gate.h"

/* What the requests of a listener have in common; it outlives its server, and calls do not need it once they have
 * begun. */
struct azd_server_calls {
  struct azd_engine *engine;
  struct azd_gate *gate; /* a reference; NULL: none */
  int64_t request_ms;    /* until the reply, or the first piece of one; and then for each piece */
  int handler;           /* registry reference to on_request */
};

/* Callbacks of net/http_server.h; arg is a struct azd_server_calls. */
int azd_server_on_head(struct azd_http_request *request, void *arg);
int azd_server_on_request(struct azd_http_request *request, void *arg);

#endif
