/* A price table as a file holds it, whatever its format: prices that may be stored, and models that may not, with why.
 *
 * The format is found by the content: JSON first (the hub's internal form, or CPT v1 when its schema says so), then
 * TOML. Prices keep every digit that they came with: they stay text from the file to PostgreSQL.
 */
#ifndef PRICES_TABLE_H
#define PRICES_TABLE_H

#include "prices/job.h"
#include "base/jtext.h"

enum price_format { PRICE_INTERNAL, PRICE_CPT, PRICE_TOML };

struct price_entry {
    const char *name;  /* trimmed, once in a table */
    struct jtext data; /* an object that PostgreSQL's jsonb takes */
};

struct price_failure {
    const char *model;
    const char *reason; /* in the job's language */
};

struct price_table {
    enum price_format format;
    struct price_entry *entries; /* by name */
    size_t count;
    struct price_failure *failed;
    size_t failed_count;
    /* What the table says of itself; NULL, or nothing, when it does not (CPT only). */
    const char *version, *currency, *refreshed_at;
    struct jtext providers; /* an object */
};

/* Read `text`, which must outlive the table. `sample_spec` and blank names are dropped; a model that is no object,
 * lacks `mode`, repeats a name or has an impossible price (prices/rules.h) is in `failed`. Refused as a whole, with a
 * ERR_PRICE_TABLE_...: a text that is too large, of no known format, or with nothing usable (then `failed` is
 * filled). */
bool price_table_read(const struct price_job *job, const char *text, size_t size, struct price_table *table,
                      struct err *err) MUST_CHECK;

/* A model's name without the white space around it, as JavaScript's trim() sees that. */
const char *price_trimmed(struct arena *arena, const char *name);

/* For formats: take one model, in order. `data` may be anything. */
void price_table_add(const struct price_job *job, struct price_table *table, const char *name, size_t name_length,
                     struct jtext data);
void price_table_fail(const struct price_job *job, struct price_table *table, const char *name, const char *reason);

#endif
