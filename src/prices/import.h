/* Importing a price table into the hub's model_prices: one transaction, one statement that classes every model and
 * writes what changes, with a row of hubport.price_history for each change. Two imports at once follow one another.
 *
 * A model's effective price is its row with source 'manual', else its newest. A model that changes has all its rows
 * replaced by one, as the hub does it. A price set by hand is kept unless it is named in `overwrite_manual`.
 */
#ifndef PRICES_IMPORT_H
#define PRICES_IMPORT_H

#include "prices/table.h"

#include <jansson.h>

struct price_names {
    const char **items;
    size_t count;
};

struct price_import_options {
    const char *source;                  /* stored with every price: "litellm", "cloud" or "manual" */
    struct price_names overwrite_manual; /* prices set by hand that may be overwritten */
    bool preview;                        /* write nothing; `changes` is filled */
    bool list_missing;                   /* fill `missing` */
    bool guard;                 /* hold back what looks wrong (see struct price_held), except the models in `confirm` */
    struct price_names confirm; /* "*" confirms what is held back for the table's own sake */
    const char *action;         /* of the history: "upload", "sync", "auto_sync" */
    bool catalogue;             /* of a CPT table: write the hub's catalogue, too (prices/catalogue.h) */
    const char *audit_type;     /* of the audit row: "model_price.bulk_upload", "model_price.sync_litellm"; NULL: the
                                 * caller writes one */
};

/* Why a model is held back: "rose" (a price over 10 times the old one), "zero" (a price turned 0), "removed" (a base
 * price is no longer there); or, for every model that would change, with the model "*": "shrank" (under half as many
 * models as there are that were not set by hand), "lost_metadata" (over half of the models lost provider, vendor, name
 * and limits). Several rows for one model may stand there. */
struct price_held {
    const char *model, *reason;
    const char *field, *old_value, *new_value; /* NULL where there is none */
};

/* Exact decimals, or JSON. NULL: not there on that side. `percent` only between two numbers, of which the old is not 0.
 */
struct price_change {
    const char *model, *field; /* "pricing.acme.input_cost_per_token" */
    const char *old_value, *new_value, *percent;
};

/* Every usable model of the table is in exactly one of added, updated, unchanged, held_back's models. Those kept
 * because they were set by hand are in `unchanged` and `skipped_conflicts`. */
struct price_import_result {
    struct price_names added, updated, unchanged, skipped_conflicts;
    const struct price_failure *failed; /* the table's */
    size_t failed_count;
    const struct price_held *held;
    size_t held_count;
    struct price_names held_models;
    struct price_names missing;         /* not set by hand, and not in the table */
    const struct price_change *changes; /* of updated, conflicting and held models */
    size_t change_count;
    size_t total;      /* usable and failed */
    const char *batch; /* that marks this import's rows in the history; NULL for a preview */
};

/* ERR_FEATURE_UNAVAILABLE names what the database lacks; nothing is written by a call that fails. Writes the audit row,
 * also of a failure, unless it is a preview. */
bool prices_import(const struct price_job *job, const struct price_table *table,
                   const struct price_import_options *options, struct price_import_result *result,
                   struct err *err) MUST_CHECK;

/* Was the table held back as a whole? Then it is no good one, and the catalogue stays as it was, too. */
bool prices_import_refused(const struct price_import_result *result);

/* The audit row of an import, with its counts, or of one that failed. */
void prices_import_audit(const struct price_job *job, const char *type, const struct price_import_options *options,
                         const struct price_import_result *result, const struct err *failure);

/* For answers: {added, updated, unchanged, failed: [{model, reason}], skippedConflicts, total, heldBack: [...]} and,
 * where they were asked for, missing, changes, counts. With `legacy` `failed` holds names only, as the hub's old
 * clients expect. */
json_t *prices_import_json(const struct price_import_result *result, const struct price_import_options *options,
                           bool legacy);

#endif
