/* What can be changed in bulk: one table of fields for each kind. Parsing, checks, SQL, lists, files, commands and the
 * page come from it (GET /api/v1/batch-fields). The ranges are the hub's (hub-contract sections 5.2 to 5.5), and never
 * more than the column holds.
 */
#ifndef BATCH_FIELDS_H
#define BATCH_FIELDS_H

#include "base/err.h"
#include "base/macros.h"

enum field_type {
    FIELD_BOOL,
    FIELD_INTEGER, /* min to max */
    FIELD_DECIMAL, /* exact, min to max with `scale` digits after the point; as a JSON number or text */
    FIELD_TEXT,    /* at most max_length characters */
    FIELD_CHOICE,  /* one of `choices`, separated by | */
    FIELD_TIME,    /* "HH:mm" */
    FIELD_NUMERAL, /* text: "inherit", or digits from min to max */
    FIELD_TEXTS,   /* a list of at most max_items texts of at most max_length characters */
    FIELD_GROUPS,  /* text: names separated by commas; made unique */
    FIELD_RULES,   /* model_redirects, allowed_models: see batch/rules.h */
    FIELD_OBJECT,  /* a JSON object, as it is */
};

struct field {
    const char *name;   /* of the API: "limit5hUsd" */
    const char *column; /* and its other name: "limit_5h_usd" */
    enum field_type type;
    const char *min, *max; /* decimals; NULL: no limit */
    int scale;
    int max_length, max_items;
    const char *choices;
    bool nullable;        /* null is a value */
    const char *clear_to; /* what {"clear": true} of a patch sets: JSON; NULL: it cannot be cleared */
    bool patch_only;      /* of batchPatch; batchUpdate does not take it */
    const char *only_for; /* provider types that have it, separated by |; NULL: all */
    bool secret;          /* shown masked; never in the audit log */
    const char *label[2]; /* by enum lang */
};

enum kind_id { KIND_USERS, KIND_KEYS, KIND_PROVIDERS, KIND_COUNT };

struct kind {
    enum kind_id id;
    const char *name;       /* "users"; also the table */
    const char *ids_member; /* "userIds" */
    const char *id_member;  /* "userId" */
    const char *category;   /* of the audit log: "user" */
    const char *watched;    /* SQL of {name: value} that a preview depends on beyond the fields that it changes */
    const struct field *fields;
    size_t field_count;
};

extern const struct kind batch_kinds[KIND_COUNT];

/* By either name; NULL when there is none. */
const struct field *kind_field(const struct kind *kind, const char *name);

/* Has a provider of this type the field? */
bool field_is_for(const struct field *field, const char *provider_type);

enum err_code kind_not_found(const struct kind *kind); /* what rows that do not exist are refused by */

const char *field_type_name(enum field_type type); /* "decimal" */

#endif
