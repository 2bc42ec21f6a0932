/* What GET /metrics tells a Prometheus: requests, counted here, and the state of the moment, looked up when asked.
 *
 *     struct metrics *metrics = metrics_new(route_count);       // the server owns it
 *     metrics_count(metrics, &done);                            // each request that is over, in any thread
 *     const char *text = metrics_text(metrics, app, arena, routes, cancel);
 *
 * Series of a route appear with its first request. What needs the database is left out while the database cannot be
 * asked; hubport_database_up says so.
 */
#ifndef OPS_METRICS_H
#define OPS_METRICS_H

#include "app/app.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics;

struct metrics_route {
    const char *method, *path;
};

struct metrics_done {
    size_t route; /* route_count: none matched */
    int status;
    uint64_t received, sent;
    int64_t ms;
};

struct metrics *metrics_new(size_t route_count);
void metrics_free(struct metrics *metrics); /* NULL is ignored */
void metrics_count(struct metrics *metrics, const struct metrics_done *done);

/* The text, in format 0.0.4; `routes` has route_count rows. */
const char *metrics_text(struct metrics *metrics, struct app *app, struct arena *arena,
                         const struct metrics_route *routes, const struct cancel *cancel) MUST_CHECK;

#endif
