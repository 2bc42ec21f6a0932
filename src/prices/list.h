/* Reading the price table: lists, one model, its vendors. Results are JSON text that PostgreSQL wrote, digits and all;
 * they live in the job's arena.
 */
#ifndef PRICES_LIST_H
#define PRICES_LIST_H

#include "prices/job.h"

struct price_filter {
    const char *search; /* part of the name or display name, any case; NULL: all. So are the others */
    const char *source; /* "manual", "litellm", or "cloud": not set by hand */
    const char *vendor;
    const char *litellm_provider;
    const char *mode; /* "chat", "embedding", ... */
    int64_t offset, limit;
};

/* Prices in force, newest change first: an array of ModelPrice, and how many there are without the limit. */
bool price_list(const struct price_job *job, const struct price_filter *filter, const char **items, int64_t *total,
                struct err *err) MUST_CHECK;

/* One ModelPrice; ERR_PRICE_NOT_FOUND. */
bool price_get(const struct price_job *job, const char *model, const char **item, struct err *err) MUST_CHECK;

/* [{modelName, vendor, litellmProvider, updatedAt}] by name; `all`: else chat models only. */
bool price_catalog(const struct price_job *job, bool all, const char **items, struct err *err) MUST_CHECK;

/* ["name", ...]: what can be chatted with. */
bool price_chat_models(const struct price_job *job, const char **names, struct err *err) MUST_CHECK;

bool price_exists(const struct price_job *job, bool *exists, struct err *err) MUST_CHECK;

/* {vendors: [{vendor, name, icon?, iconMono?, modelCount}], version}: of the cloud's catalogue; without one, as the
 * prices have them, and version null. */
bool price_vendors(const struct price_job *job, const char **answer, struct err *err) MUST_CHECK;

#endif
