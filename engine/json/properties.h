/* Which property of a type exists in which version of its interface: a tree of names a type, read from generated text
 * (catalog/properties/, one file a provider) when the type is first met. Two ask it: the check of scripts, which names
 * a path that no version knows, and the comparison of two versions, where what only one side can carry is no change.
 *
 *   Microsoft.Storage/storageAccounts 160101 170601 200801p
 *    kind
 *    properties
 *     accessTier 170601-
 *     networkAcls 170601
 *      ipRules
 *       []
 *        value
 *    tags*
 *
 *   type     in column 1, then its versions, oldest first, in their short form: 240501 is 2024-05-01, 240501p is
 *            2024-05-01-preview, 240501-beta is 2024-05-01-beta; any other text is itself.
 *   property as many blanks as what holds it and one more, then its name; [] are the elements of an array, {} any value
 *            of a map. A * after the name: what stands below is free, or not known. Then the versions that have it:
 *            FIRST-LAST, FIRST- (up to the newest), FIRST, parted by commas; without any: those of what holds it.
 *   #        in column 1: a comment.
 *
 * The id, name and type of the resource itself are not written: every tree has them. Names and types compare without
 * case. A type that is not in the text has no tree: nothing is known of it.
 * Life: open, then of any number of times, unref; trees live as long as the last reference.
 * Thread: any; a lock of its own. Blocks: the first look-up of a provider reads its file. */
#ifndef AZD_JSON_PROPERTIES_H
#define AZD_JSON_PROPERTIES_H

#include "base/err.h"
#include "json/path.h"

enum { AZD_PROPERTY_DEPTH_MAX = 64, AZD_PROPERTY_VERSIONS_MAX = 1024 };

struct azd_properties;
struct azd_property_tree;
typedef uint32_t azd_property; /* of one tree, in the order of the text; what holds it comes before it */

#define AZD_PROPERTY_NONE    UINT32_MAX
#define AZD_PROPERTY_ROOT    0u         /* the resource itself */
#define AZD_PROPERTY_VERSION UINT32_MAX /* no such version */

/* 0; AZD_EIO (no such folder), AZD_ENOMEM. folder is copied. */
int azd_properties_open(const char *folder, struct azd_properties **properties, struct azd_error *error);
struct azd_properties *azd_properties_ref(struct azd_properties *properties);
void azd_properties_unref(struct azd_properties *properties);

/* *tree is NULL where the type is not in the text. 0; AZD_EPARSE (names file and line), AZD_EIO, AZD_ELIMIT,
 * AZD_ENOMEM.
 */
int azd_properties_of(struct azd_properties *properties, struct azd_str type, const struct azd_property_tree **tree,
                      struct azd_error *error);

/* ---- one tree, walked beside a document ---- */

/* The number of a version, given in full ("2024-05-01-preview") or short; AZD_PROPERTY_VERSION where the type has no
 * such one. */
uint32_t azd_property_version(const struct azd_property_tree *tree, struct azd_str version);

/* The member of that name, or the value of a map; the element of an array. NONE: there is none. */
azd_property azd_property_member(const struct azd_property_tree *tree, azd_property at, struct azd_str name);
azd_property azd_property_item(const struct azd_property_tree *tree, azd_property at);
bool azd_property_is_free(const struct azd_property_tree *tree, azd_property at);
bool azd_property_is_leaf(const struct azd_property_tree *tree, azd_property at); /* nothing stands below it */
bool azd_property_exists_in(const struct azd_property_tree *tree, azd_property at, uint32_t version);
struct azd_str azd_property_name(const struct azd_property_tree *tree, azd_property at);

/* ---- a path of a rule, a report or a script ---- */

enum azd_property_answer { AZD_PROPERTY_KNOWN, AZD_PROPERTY_FREE, AZD_PROPERTY_UNKNOWN };

struct azd_property_place {
  enum azd_property_answer answer; /* FREE: below a property whose inside is not known */
  uint32_t step;                   /* UNKNOWN: the first step that leads nowhere */
};

/* Any step, ".." too, and whatever version. Linear in steps times properties. 0 or AZD_ENOMEM. */
int azd_property_find(const struct azd_property_tree *tree, const struct azd_path *path,
                      struct azd_property_place *place, struct azd_error *error);

/* Tells the names that may stand where the first `steps` steps of the path lead (after a "..": all names there are; one
 * may be told more than once), on the calling thread, before it returns. 0 or AZD_ENOMEM. */
typedef void azd_property_name_fn(void *context, struct azd_str name);
int azd_property_names(const struct azd_property_tree *tree, const struct azd_path *path, uint32_t steps,
                       azd_property_name_fn *tell, void *context, struct azd_error *error);

#endif
