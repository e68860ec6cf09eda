/* The collect job: the bytes of one reply become the new versions of one run.
 *   inflate -> split -> drop what the scope does not own -> redact -> canonical bytes -> SHA-256 -> look up in the map
 * of open versions -> encoded bytes of what is new, and small named values (next link, counts) for the workflow.
 * Unchanged resources end here, counted. All it knows of a protocol is what the shape and the page say.
 *
 *   run     struct azd_collect: one collection of one scope. Made before the first page, freed after publication.
 *   worker  struct azd_collect_worker: the reusable memory of one CPU worker (document, buffers, hash, redactor).
 *
 * Thread: azd_collect_page from any number of CPU workers at once, one worker memory each; azd_collect_flush from one
 * store worker at a time, beside pages; the rest when no page is in work.
 * Blocks: flush does (it writes to the store); a page takes CPU time only. Units: bytes. */
#ifndef AZD_DRIFT_COLLECT_H
#define AZD_DRIFT_COLLECT_H

#include "drift/inventory.h"
#include "store/store.h"
#include "json/ruleset.h"

enum {
  AZD_PAGE_MAX_BYTES = 64 * 1024 * 1024, /* of one reply, inflated; ARM itself ends at 8 MB */
  AZD_PAGE_NEXT_MAX = 4,
  AZD_COLLECT_FLUSH_BYTES = 4 * 1024 * 1024, /* waiting versions worth a write to the store */
};

struct azd_collect;
struct azd_collect_worker;

/* What a run works with; everything is borrowed until azd_collect_free. */
struct azd_collect_options {
  struct azd_str scope;        /* lower case; a resource belongs to it when its id is the scope or lies below it */
  struct azd_str subscription; /* stored with each version; may be empty */
  struct azd_str group_marker; /* in an id, what stands before the name of its resource group: "/resourcegroups/" */
  const struct azd_shape *shape;
  struct azd_ruleset *ruleset;  /* for `redact` */
  struct azd_str redaction_key; /* at least 16 bytes */
  struct azd_str redaction_id;  /* how versions name the key and the rules they were redacted under: "key/rules" */
  const struct azd_map *map;    /* of the open versions */
  struct azd_store *store;      /* for its codec */
};

/* One reply. */
struct azd_page {
  struct azd_str bytes;                   /* as they came */
  bool packed;                            /* they are gzip or zlib data */
  bool single;                            /* one resource and no list */
  bool inventory;                         /* the items are stubs: nothing of them is stored */
  bool names;                             /* ids and types are wanted in the result */
  struct azd_str next[AZD_PAGE_NEXT_MAX]; /* pointers at which the link to the next page may stand; empty: none */
  struct azd_str id;                      /* single: the id that was asked for; the body must name the same one */
  struct azd_str type;                    /* when not empty, the type of every item that does not name one in its id */
  struct azd_str view;                    /* "list", "get" */
  struct azd_str api_version;
};

struct azd_page_result {
  uint32_t items;          /* resources in the page that the scope owns */
  uint32_t fresh;          /* of these, new or changed against the map */
  uint32_t not_owned;      /* dropped: an inherited or foreign resource */
  uint32_t repeated;       /* seen in this run already */
  uint32_t redacted;       /* secrets replaced */
  uint32_t duplicate_keys; /* members named twice in one object (the last one won) */
  uint32_t nameless;       /* items without an id */
  struct azd_str next;     /* link to the next page, or empty; the worker's memory until its next page */
  /* where names are wanted: id and type in turn, each ended by a NUL; the worker's memory */
  struct azd_str names;
};

struct azd_collect *azd_collect_new(const struct azd_collect_options *options, struct azd_error *error);
void azd_collect_free(struct azd_collect *collect);

struct azd_collect_worker *azd_collect_worker_new(void);
void azd_collect_worker_free(struct azd_collect_worker *worker);

/* 0, or the page was not read in full and its list is not complete: AZD_EPARSE (not JSON, cut, not the shape, another
 * id than asked for), AZD_ELIMIT (too large), AZD_ENOMEM. Items before a faulty one were read and stay taken. */
int azd_collect_page(struct azd_collect *collect, struct azd_collect_worker *worker, const struct azd_page *page,
                     struct azd_page_result *result, struct azd_error *error);

/* Bytes of versions that wait to be written. Any thread. */
size_t azd_collect_waiting_bytes(struct azd_collect *collect);

/* Hands what waits to the commit. On failure it is gone and the commit must be aborted. */
int azd_collect_flush(struct azd_collect *collect, struct azd_commit *commit, struct azd_error *error);

/* Open resources of that type that no page of this run showed: each once, in key order, as places in the map's entries.
 * tell answers false to stop. */
void azd_collect_missing(struct azd_collect *collect, struct azd_str type, bool (*tell)(void *context, size_t place),
                         void *context);
/* The resource with that key was found to be still there, or is to be kept: not missing any more. */
void azd_collect_keep(struct azd_collect *collect, size_t place);

#endif
