#include "json/diff.h"
#include "json/canonical.h"
#include "json/diff_impl.h"

#include <stdlib.h>

struct azd_diff *azd_diff_new(void) {
  struct azd_diff *diff = calloc(1, sizeof *diff);
  if (!diff) return NULL;
  azd_arena_init(&diff->arena, 0);
  diff->matcher = (struct azd_matcher){.arena = &diff->arena, .same = &diff->same};
  return diff;
}

void azd_diff_free(struct azd_diff *diff) {
  if (!diff) return;
  azd_buf_free(&diff->changes);
  azd_buf_free(&diff->apart);
  azd_buf_free(&diff->text);
  azd_buf_free(&diff->matcher.scratch);
  azd_same_scratch_free(&diff->same);
  azd_arena_free(&diff->arena);
  free(diff);
}

/* A place in the walk: the frame is where, node and verdict are what the rules say there. */
struct at {
  struct azd_frame frame;
  uint32_t node;
  azd_property property;      /* in options.properties; NONE: not known there */
  struct azd_verdict verdict; /* of the container, until judged */
  uint32_t depth;
};

static int compare(struct azd_diff *diff, struct at *at);

static struct azd_side old_side(const struct azd_diff *diff, azd_node node) {
  return (struct azd_side){diff->old_doc, node};
}
static struct azd_side new_side(const struct azd_diff *diff, azd_node node) {
  return (struct azd_side){diff->new_doc, node};
}

static bool is_redacted(const struct azd_doc *doc, azd_node node) {
  if (azd_doc_type(doc, node) != AZD_JSON_OBJECT || azd_doc_count(doc, node) != 1) return false;
  azd_node only = azd_doc_first(doc, node);
  return azd_str_equal(azd_doc_key(doc, only), AZD_STR("$redacted")) && azd_doc_type(doc, only) == AZD_JSON_STRING;
}

/* Both sides have a value of which one is known by its digest only, and digests do not tell whether they are the same.
 */
static bool is_redacted_apart(const struct azd_diff *diff, struct azd_side was, struct azd_side is) {
  bool doors = diff->options.between & AZD_BETWEEN_VIEWS; /* one may show a mask where the other shows the secret */
  if (diff->options.redacted == AZD_REDACTED_ALIKE && !doors) return false;
  bool old_digest = is_redacted(was.doc, was.node), new_digest = is_redacted(is.doc, is.node);
  return doors || diff->options.redacted == AZD_REDACTED_OTHER_KEY ? old_digest || new_digest
                                                                   : old_digest != new_digest;
}

/* Between two doors a digest stays apart whatever becomes of the old side: only the others are kept to be moved. */
static int leave_apart(struct azd_diff *diff, struct azd_side was, struct azd_side is) {
  struct azd_apart apart = {was.node, is.node};
  diff->redacted_apart++;
  diff->not_compared++;
  if (diff->options.redacted == AZD_REDACTED_ALIKE) return 0;
  azd_buf_append(&diff->apart, &apart, sizeof apart);
  return azd_buf_status(&diff->apart);
}

static bool is_text(struct azd_side side) {
  return azd_doc_type(side.doc, side.node) == AZD_JSON_STRING;
}

/* "" and 0: what the service's own model holds before somebody sets it. A false is no such value: it may be the answer.
 */
static bool is_blank(struct azd_side side) {
  if (is_text(side)) return azd_doc_string(side.doc, side.node).size == 0;
  return azd_doc_type(side.doc, side.node) == AZD_JSON_NUMBER &&
         azd_str_equal(azd_doc_number(side.doc, side.node), AZD_STR("0"));
}

/* What a reading that does not carry a property shows in its place: nothing, an empty text, between views a 0. */
static bool is_not_carried(struct azd_side side, uint32_t between) {
  if (azd_side_is_empty(side)) return true;
  return between && ((between & AZD_BETWEEN_VIEWS) || is_text(side)) && is_blank(side);
}

/* ---- an object that came or went as a whole ---- */

#define WEIGHS_NOTHING ((enum azd_change_class)AZD_DIFF_CLASSES)

/* The class of the most telling leaf: a change outweighs an effect, an effect what is ignored. */
static int weigh(struct azd_diff *diff, struct azd_side side, uint32_t node, struct azd_verdict verdict, uint32_t depth,
                 struct azd_verdict *heaviest) {
  if (depth > AZD_DIFF_DEPTH_MAX) return AZD_ELIMIT;
  const struct azd_place *place = azd_trie_place(diff->trie, node);
  int status = azd_diff_judge(diff, place, &verdict);
  if (status) return status;
  bool is_leaf = azd_doc_count(side.doc, side.node) == 0;
  if (is_leaf || (place->same & AZD_SAME_ENTRY) || azd_trie_is_silent(diff->trie, node)) {
    if (verdict.conditions) verdict.class = AZD_CLASS_CHANGE;
    bool says_nothing = (place->same & AZD_SAME_EMPTY) && !(place->same & AZD_SAME_ENTRY) && azd_side_is_empty(side);
    if (!says_nothing && verdict.class < heaviest->class) *heaviest = verdict;
    return 0;
  }
  bool is_array = azd_doc_type(side.doc, side.node) == AZD_JSON_ARRAY;
  for (azd_node child = azd_doc_first(side.doc, side.node);
       child != AZD_NODE_NONE && heaviest->class != AZD_CLASS_CHANGE; child = azd_doc_next(side.doc, child)) {
    uint32_t below = is_array ? azd_trie_item(diff->trie, node, side.doc, child)
                              : azd_trie_name(diff->trie, node, azd_doc_key(side.doc, child));
    if ((status = weigh(diff, (struct azd_side){side.doc, child}, below, verdict, depth + 1, heaviest))) return status;
  }
  return 0;
}

/* A whole object is no louder than what is in it. An entry of a map or an element says something by being there. */
static int soften(struct azd_diff *diff, const struct at *at, struct azd_side present, struct azd_verdict *verdict) {
  if (verdict->class != AZD_CLASS_CHANGE || verdict->conditions || at->frame.is_element || diff->options.raw) return 0;
  if (azd_doc_type(present.doc, present.node) != AZD_JSON_OBJECT || azd_doc_count(present.doc, present.node) == 0)
    return 0;
  if (azd_trie_place(diff->trie, at->node)->same & AZD_SAME_ENTRY) return 0;
  struct azd_verdict heaviest = {.class = WEIGHS_NOTHING};
  int status = weigh(diff, present, at->node, *verdict, at->depth, &heaviest);
  if (!status && heaviest.class != AZD_CLASS_CHANGE && heaviest.class != WEIGHS_NOTHING) *verdict = heaviest;
  return status;
}

/* ---- what a reading can carry ---- */

/* Inside a free property, and inside one without lines of its own, everything is as the property itself. */
static azd_property property_below(const struct azd_diff *diff, azd_property at, bool is_element, struct azd_str name) {
  const struct azd_property_tree *tree = diff->options.properties;
  if (!tree || at == AZD_PROPERTY_NONE) return AZD_PROPERTY_NONE;
  azd_property below = is_element ? azd_property_item(tree, at) : azd_property_member(tree, at, name);
  if (below != AZD_PROPERTY_NONE) return below;
  bool is_inside = azd_property_is_free(tree, at) || (is_element && azd_property_is_leaf(tree, at));
  return is_inside ? at : AZD_PROPERTY_NONE;
}

/* What begins to be written out, a false or a blank, was left unsaid before. One that is gone is a change, unless an
 * older version is read now: a false that a newer one no longer says may weaken what it stood for. */
static bool is_filled_in(const struct azd_diff *diff, struct azd_side was, struct azd_side is) {
  struct azd_side filled = azd_side_is_empty(is) ? was : is;
  if (azd_side_is_empty(filled)) return false;
  if (azd_side_is_empty(is) && diff->options.new_version > diff->options.old_version) return false;
  return is_blank(filled) || azd_doc_type(filled.doc, filled.node) == AZD_JSON_FALSE;
}

/* One side lacks it: may that be because of how it was read? Between views nobody knows what each of them shows. */
static bool may_be_unreadable(const struct azd_diff *diff, azd_property property, struct azd_side was,
                              struct azd_side is) {
  const struct azd_diff_options *how = &diff->options;
  if (!how->between) return false;
  if ((how->between & AZD_BETWEEN_VIEWS) || property == AZD_PROPERTY_NONE) return true;
  return !azd_property_exists_in(how->properties, property, how->old_version) ||
         !azd_property_exists_in(how->properties, property, how->new_version) || is_filled_in(diff, was, is);
}

/* ---- one place ---- */

static enum azd_op op_of(const struct azd_frame *frame) {
  if (frame->old_node == AZD_NODE_NONE) return AZD_OP_ADD;
  return frame->new_node == AZD_NODE_NONE ? AZD_OP_REMOVE : AZD_OP_REPLACE;
}

/* The values differ as they stand; at least one side is there. */
static int differ(struct azd_diff *diff, const struct at *at, const struct azd_verdict *verdict) {
  struct azd_side was = old_side(diff, at->frame.old_node), is = new_side(diff, at->frame.new_node);
  struct azd_verdict softened = *verdict;
  if (!diff->options.raw) {
    if (azd_same_meaning(&diff->same, azd_trie_place(diff->trie, at->node), was, is)) return 0;
    uint32_t between = diff->options.between;
    bool old_lacks = is_not_carried(was, between), new_lacks = is_not_carried(is, between);
    if ((old_lacks || new_lacks) && may_be_unreadable(diff, at->property, was, is)) return diff->not_compared++, 0;
    if (!old_lacks && !new_lacks && is_redacted_apart(diff, was, is)) return leave_apart(diff, was, is);
    int status = 0;
    if (azd_side_is_empty(was) != azd_side_is_empty(is))
      status = soften(diff, at, azd_side_is_empty(was) ? is : was, &softened);
    if (status) return status;
  }
  return azd_diff_emit(diff, &at->frame, op_of(&at->frame), &softened);
}

/* ---- objects ---- */

/* The member of b that is the member of a by name: exactly, or by case alone where neither has an exact partner and
 * each is the other's first choice. */
static azd_node partner_of(const struct azd_doc *a_doc, azd_node a, azd_node member, const struct azd_doc *b_doc,
                           azd_node b, bool raw) {
  struct azd_str name = azd_doc_key(a_doc, member);
  azd_node exact = azd_doc_member(b_doc, b, name);
  if (exact != AZD_NODE_NONE || raw) return exact;
  azd_node folded = azd_doc_member_fold(b_doc, b, name);
  if (folded == AZD_NODE_NONE) return folded;
  struct azd_str other = azd_doc_key(b_doc, folded);
  return azd_doc_member_fold(a_doc, a, other) == member ? folded : AZD_NODE_NONE;
}

static int compare_member(struct azd_diff *diff, const struct at *object, azd_node was, azd_node is) {
  /* Equal scalars are most of a document: no look-up for them. */
  struct azd_str name = was != AZD_NODE_NONE ? azd_doc_key(diff->old_doc, was) : azd_doc_key(diff->new_doc, is);
  if (was != AZD_NODE_NONE && is != AZD_NODE_NONE && azd_doc_type(diff->old_doc, was) < AZD_JSON_ARRAY &&
      azd_doc_type(diff->new_doc, is) < AZD_JSON_ARRAY && azd_json_equal(diff->old_doc, was, diff->new_doc, is))
    return 0;
  struct at member = {.frame = {.above = &object->frame, .old_node = was, .new_node = is},
                      .node = azd_trie_name(diff->trie, object->node, name),
                      .property = property_below(diff, object->property, false, name),
                      .verdict = object->verdict,
                      .depth = object->depth + 1};
  return compare(diff, &member);
}

static int compare_objects(struct azd_diff *diff, const struct at *at) {
  azd_node a = at->frame.old_node, b = at->frame.new_node, next = azd_doc_first(diff->new_doc, b);
  uint32_t found = 0;
  for (azd_node was = azd_doc_first(diff->old_doc, a); was != AZD_NODE_NONE; was = azd_doc_next(diff->old_doc, was)) {
    /* Members mostly stand in one order: the next one is tried before any search. */
    azd_node is = next;
    if (is == AZD_NODE_NONE || !azd_str_equal(azd_doc_key(diff->old_doc, was), azd_doc_key(diff->new_doc, is)))
      is = partner_of(diff->old_doc, a, was, diff->new_doc, b, diff->options.raw);
    if (is != AZD_NODE_NONE) next = azd_doc_next(diff->new_doc, is), found++;
    int status = compare_member(diff, at, was, is);
    if (status) return status;
  }
  if (found == azd_doc_count(diff->new_doc, b)) return 0;
  for (azd_node is = azd_doc_first(diff->new_doc, b); is != AZD_NODE_NONE; is = azd_doc_next(diff->new_doc, is)) {
    if (partner_of(diff->new_doc, b, is, diff->old_doc, a, diff->options.raw) != AZD_NODE_NONE) continue;
    int status = compare_member(diff, at, AZD_NODE_NONE, is);
    if (status) return status;
  }
  return 0;
}

/* ---- arrays ---- */

static int compare_element(struct azd_diff *diff, const struct at *array, const struct azd_pair *pair,
                           const struct azd_pairing *pairing) {
  bool in_new = pair->new_node != AZD_NODE_NONE;
  struct at element = {
      .frame = {&array->frame, pair->old_node, pair->new_node, true, pair->old_index, pair->new_index, pairing},
      .node = azd_trie_item(diff->trie, array->node, in_new ? diff->new_doc : diff->old_doc,
                            in_new ? pair->new_node : pair->old_node),
      .property = property_below(diff, array->property, true, AZD_STR("")),
      .verdict = array->verdict,
      .depth = array->depth + 1};
  return compare(diff, &element);
}

/* By position; a longer old array loses its tail from the end, so that each index is right when its turn comes. */
static int compare_arrays_raw(struct azd_diff *diff, const struct at *at) {
  uint32_t old_count = azd_doc_count(diff->old_doc, at->frame.old_node), index = 0;
  azd_node was = azd_doc_first(diff->old_doc, at->frame.old_node),
           is = azd_doc_first(diff->new_doc, at->frame.new_node);
  int status = 0;
  for (; !status && is != AZD_NODE_NONE; index++, is = azd_doc_next(diff->new_doc, is)) {
    struct azd_pair pair = {index, index, was, is};
    status = compare_element(diff, at, &pair, NULL);
    if (was != AZD_NODE_NONE) was = azd_doc_next(diff->old_doc, was);
  }
  if (status || was == AZD_NODE_NONE) return status;
  azd_node *tail = azd_arena_alloc(&diff->arena, (old_count - index) * sizeof *tail);
  if (!tail) return AZD_ENOMEM;
  uint32_t kept = index;
  for (; was != AZD_NODE_NONE; was = azd_doc_next(diff->old_doc, was)) tail[index++ - kept] = was;
  while (!status && index > kept) {
    index--;
    struct azd_pair pair = {index, AZD_INDEX_NONE, tail[index - kept], AZD_NODE_NONE};
    status = compare_element(diff, at, &pair, NULL);
  }
  return status;
}

/* Order: nothing where it has no meaning and something else changed; a note where it is all that changed; a change
 * where a rule says `list`. */
static int report_order(struct azd_diff *diff, const struct at *at, const struct azd_pairing *pairing, bool is_list) {
  if (!pairing->reordered || (!is_list && (pairing->one_sided || diff->options.between))) return 0;
  struct azd_verdict verdict = at->verdict;
  if (!is_list) {
    verdict.conditions = NULL;
    if (verdict.class != AZD_CLASS_IGNORED) verdict.class = AZD_CLASS_NOTE;
  }
  return azd_diff_emit(diff, &at->frame, AZD_OP_MOVE, &verdict);
}

static int compare_arrays(struct azd_diff *diff, const struct at *at) {
  if (diff->options.raw) return compare_arrays_raw(diff, at);
  const struct azd_rule *rule = azd_trie_place(diff->trie, at->node)->array;
  const struct azd_place *item_place =
      azd_trie_place(diff->trie, azd_trie_item(diff->trie, at->node, diff->new_doc, AZD_NODE_NONE));
  struct azd_pairing *pairing = azd_arena_alloc(&diff->arena, sizeof *pairing);
  if (!pairing) return AZD_ENOMEM;
  int status = azd_match_arrays(&diff->matcher, rule, item_place, old_side(diff, at->frame.old_node),
                                new_side(diff, at->frame.new_node), pairing);
  for (uint32_t i = 0; !status && i < pairing->count; i++)
    status = compare_element(diff, at, &pairing->pairs[i], pairing);
  return status ? status : report_order(diff, at, pairing, rule && rule->verb == AZD_VERB_LIST);
}

/* ---- the walk ---- */

static int compare(struct azd_diff *diff, struct at *at) {
  azd_node was = at->frame.old_node, is = at->frame.new_node;
  if (at->depth > AZD_DIFF_DEPTH_MAX) return AZD_ELIMIT;
  int status = azd_diff_judge(diff, azd_trie_place(diff->trie, at->node), &at->verdict);
  if (status) return status;
  if (was == AZD_NODE_NONE || is == AZD_NODE_NONE) return differ(diff, at, &at->verdict);
  enum azd_json_type type = azd_doc_type(diff->old_doc, was);
  bool alike = type == azd_doc_type(diff->new_doc, is);
  /* A digest is one value, not an object with a member. */
  bool digest = !diff->options.raw && (is_redacted(diff->old_doc, was) || is_redacted(diff->new_doc, is));
  if (alike && type == AZD_JSON_OBJECT && !digest) return compare_objects(diff, at);
  if (alike && type == AZD_JSON_ARRAY) return compare_arrays(diff, at);
  if (azd_json_equal(diff->old_doc, was, diff->new_doc, is)) return 0;
  return differ(diff, at, &at->verdict);
}

static void reset(struct azd_diff *diff) {
  azd_arena_reset(&diff->arena);
  azd_buf_clear(&diff->changes);
  azd_buf_clear(&diff->text);
  memset(diff->counts, 0, sizeof diff->counts);
  diff->not_compared = diff->redacted_apart = 0;
  azd_buf_clear(&diff->apart);
  diff->text_bytes = 0;
}

int azd_diff_run(struct azd_diff *diff, const struct azd_trie *trie, const struct azd_doc *old_doc, azd_node old_node,
                 const struct azd_doc *new_doc, azd_node new_node, const struct azd_diff_options *options,
                 struct azd_error *error) {
  reset(diff);
  diff->options = options ? *options : (struct azd_diff_options){0};
  diff->trie = diff->options.raw ? NULL : trie;
  diff->old_doc = old_doc;
  diff->new_doc = new_doc;
  azd_matcher_start(&diff->matcher, old_node, new_node);
  struct at root = {.frame = {.old_node = old_node, .new_node = new_node},
                    .node = AZD_TRIE_ROOT,
                    .property = diff->options.properties ? AZD_PROPERTY_ROOT : AZD_PROPERTY_NONE,
                    .verdict = {AZD_CLASS_CHANGE, AZD_RULE_NONE, -1, NULL}};
  int status = compare(diff, &root);
  if (!status) return 0;
  bool too_much_text = diff->text_bytes > AZD_DIFF_TEXT_MAX_BYTES;
  reset(diff);
  if (status != AZD_ELIMIT) return azd_fail(error, status, "no memory to compare two documents");
  if (too_much_text)
    return azd_fail(error, status, "the paths of what changed take more than %d bytes", AZD_DIFF_TEXT_MAX_BYTES);
  return azd_fail(error, status, "documents nested deeper than %d cannot be compared", AZD_DIFF_DEPTH_MAX);
}

uint32_t azd_diff_count(const struct azd_diff *diff) {
  return (uint32_t)(diff->changes.size / sizeof(struct azd_change));
}

const struct azd_change *azd_diff_change(const struct azd_diff *diff, uint32_t index) {
  AZD_ASSERT(index < azd_diff_count(diff));
  return (const struct azd_change *)(const void *)diff->changes.data + index;
}

void azd_diff_decide(struct azd_diff *diff, uint32_t index, const struct azd_when *when) {
  AZD_ASSERT(index < azd_diff_count(diff));
  struct azd_change *change = (struct azd_change *)(void *)diff->changes.data + index;
  diff->counts[change->class]--;
  diff->counts[when->class]++;
  change->class = when->class;
  change->rule = when->rule;
  change->whens = NULL;
}

uint32_t azd_diff_count_of(const struct azd_diff *diff, enum azd_change_class class) {
  return diff->counts[class];
}
uint32_t azd_diff_not_compared(const struct azd_diff *diff) {
  return diff->not_compared;
}

uint32_t azd_diff_redacted_apart(const struct azd_diff *diff) {
  return diff->redacted_apart;
}

uint32_t azd_diff_apart_count(const struct azd_diff *diff) {
  return (uint32_t)(diff->apart.size / sizeof(struct azd_apart));
}

const struct azd_apart *azd_diff_apart(const struct azd_diff *diff, uint32_t index) {
  return (const struct azd_apart *)(const void *)diff->apart.data + index;
}
