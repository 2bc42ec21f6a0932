/* The price table as a file that imports back unchanged: the prices in force, all or of one source, by name.
 *
 *     struct price_export *export = price_export_begin(&job, &options, &err);    nothing is sent before this succeeded
 *     bool ok = price_export_copy(export, fd, &err);
 *     price_export_end(export);
 */
#ifndef PRICES_EXPORT_H
#define PRICES_EXPORT_H

#include "prices/table.h"

struct price_export_options {
    enum price_format format; /* PRICE_INTERNAL or PRICE_TOML */
    const char *source;       /* exactly this one; NULL: all */
};

/* "json" or "toml" (NULL: json); "litellm", "cloud" or "manual" (NULL: all). VALIDATION_FAILED names the wrong one. */
bool price_export_parse(const char *format, const char *source, struct price_export_options *options,
                        struct err *err) MUST_CHECK;

struct price_export;

/* Reads the first rows, on a connection of its own and one snapshot. ERR_FEATURE_UNAVAILABLE without model_prices. */
struct price_export *price_export_begin(const struct price_job *job, const struct price_export_options *options,
                                        struct err *err) MUST_CHECK;
const char *price_export_file_name(const struct price_export *export); /* "model-prices_2026-01-29T10-30-00.json" */
const char *price_export_type(const struct price_export *export);      /* the media type */

/* Write it all, a part at a time; memory does not grow with the table. ERR_CANCELLED when the reader is gone. */
bool price_export_copy(struct price_export *export, int fd, struct err *err) MUST_CHECK;
size_t price_export_count(const struct price_export *export); /* models written so far */
void price_export_end(struct price_export *export);           /* NULL is ignored */

#endif
