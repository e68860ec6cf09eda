/* What looks like a secret: judged by the name of a member and by the text itself. Written from the secrets that
 * recorded bodies of Azure carry; schemas mark 4 of 30 of them. Thread: any. Blocks: never. Time: linear in the text.
 */
#ifndef AZD_JSON_SECRET_H
#define AZD_JSON_SECRET_H

#include "base/str.h"

/* The name of a member whose text is a secret: adminPassword, clientSecret, primaryMasterKey, connectionString,
 * sasToken ... and not what only points to one: secretUri, passwordSecretRef, keyName. */
bool azd_secret_name(struct azd_str name);

/* The name of a member whose numbers and lists are secrets too: password: 12345678, passwords: [..]; and not
 * passwordLength: 12, secrets: ["get", "list"]. */
bool azd_secret_password_name(struct azd_str name);

/* A text that is no secret whatever its name says: a switch (passwordAuth: "Enabled"), an instant, nothing. */
bool azd_secret_is_plain(struct azd_str value);

/* A text that gives itself away: a SAS signature, a connection string with a key, a private key, a JWT, a URL with a
 * password or a key, JSON or a command line that sets one. */
bool azd_secret_value(struct azd_str value);

/* A map of free texts (tags, labels): its names say nothing about what kind of text they have. */
bool azd_secret_is_free_map(struct azd_str name);

#endif
