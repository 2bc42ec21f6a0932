#include "ops/metrics.h"

#include "base/text.h"
#include "lock/backup_lock.h"
#include "os/tempfile.h"

#include <pthread.h>
#include <unistd.h>

#define STATUS_MIN 100
#define STATUS_MAX 599

/* Upper bounds, ms: from a list's page to an import of hours. */
static const int64_t bounds[] = {5, 25, 100, 500, 2500, 10000, 60000, 600000, 3600000};
#define BOUNDS ARRAY_LEN(bounds)

struct counters {
    uint64_t by_status[STATUS_MAX - STATUS_MIN + 1];
    uint64_t by_time[BOUNDS + 1]; /* not cumulative; the last: longer */
    uint64_t count, ms, received, sent;
};

struct metrics {
    pthread_mutex_t mutex; /* guards the counters */
    size_t route_count;
    struct counters routes[]; /* one more than there are routes: none matched */
};

struct metrics *metrics_new(size_t route_count)
{
    struct metrics *metrics = calloc(1, sizeof *metrics + (route_count + 1) * sizeof metrics->routes[0]);
    if (metrics == NULL)
        abort();
    pthread_mutex_init(&metrics->mutex, NULL);
    metrics->route_count = route_count;
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL)
        return;
    pthread_mutex_destroy(&metrics->mutex);
    free(metrics);
}

void metrics_count(struct metrics *metrics, const struct metrics_done *done)
{
    struct counters *counters = &metrics->routes[MIN(done->route, metrics->route_count)];
    size_t place = 0;
    while (place < BOUNDS && done->ms > bounds[place])
        place++;
    pthread_mutex_lock(&metrics->mutex);
    counters->by_status[MIN(MAX(done->status, STATUS_MIN), STATUS_MAX) - STATUS_MIN]++;
    counters->by_time[place]++;
    counters->count++;
    counters->ms += (uint64_t)done->ms;
    counters->received += done->received;
    counters->sent += done->sent;
    pthread_mutex_unlock(&metrics->mutex);
}

/* ---- The text ---------------------------------------------------------------------------------------------------- */

static void head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void gauge(FILE *out, const char *name, const char *help, long long value)
{
    head(out, name, "gauge", help);
    fprintf(out, "%s %lld\n", name, value);
}

/* The labels of a route; patterns of routes hold nothing that needs an escape. */
static const char *labels_of(struct arena *arena, const struct metrics_route *route)
{
    return route == NULL ? "method=\"none\",route=\"none\""
                         : arena_printf(arena, "method=\"%s\",route=\"%s\"", route->method, route->path);
}

static void write_statuses(FILE *out, const struct counters *counters, const char *labels)
{
    for (size_t i = 0; i < ARRAY_LEN(counters->by_status); i++)
        if (counters->by_status[i] > 0)
            fprintf(out, "hubport_http_requests_total{%s,status=\"%zu\"} %llu\n", labels, i + STATUS_MIN,
                    (unsigned long long)counters->by_status[i]);
}

static void write_times(FILE *out, const struct counters *counters, const char *labels)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < BOUNDS; i++) {
        sum += counters->by_time[i];
        fprintf(out, "hubport_http_request_duration_seconds_bucket{%s,le=\"%g\"} %llu\n", labels,
                (double)bounds[i] / 1000, (unsigned long long)sum);
    }
    fprintf(out, "hubport_http_request_duration_seconds_bucket{%s,le=\"+Inf\"} %llu\n", labels,
            (unsigned long long)counters->count);
    fprintf(out, "hubport_http_request_duration_seconds_sum{%s} %llu.%03llu\n", labels,
            (unsigned long long)counters->ms / 1000, (unsigned long long)counters->ms % 1000);
    fprintf(out, "hubport_http_request_duration_seconds_count{%s} %llu\n", labels, (unsigned long long)counters->count);
}

static void write_received(FILE *out, const struct counters *counters, const char *labels)
{
    fprintf(out, "hubport_http_received_bytes_total{%s} %llu\n", labels, (unsigned long long)counters->received);
}

static void write_sent(FILE *out, const struct counters *counters, const char *labels)
{
    fprintf(out, "hubport_http_sent_bytes_total{%s} %llu\n", labels, (unsigned long long)counters->sent);
}

/* All samples of a family stand together, as the format wants it. */
static const struct {
    const char *name, *type, *help;
    void (*write)(FILE *out, const struct counters *counters, const char *labels);
} families[] = {
    {"hubport_http_requests_total", "counter", "Requests that are over, by route and status.", write_statuses},
    {"hubport_http_request_duration_seconds", "histogram", "From a request's headers to its end.", write_times},
    {"hubport_http_received_bytes_total", "counter", "Bytes of requests' bodies.", write_received},
    {"hubport_http_sent_bytes_total", "counter", "Bytes of replies' bodies.", write_sent},
};

static void write_requests(struct metrics *metrics, FILE *out, struct arena *arena, const struct metrics_route *routes)
{
    size_t count = metrics->route_count + 1, used = 0;
    struct counters *copy = arena_alloc(arena, count * sizeof *copy);
    const char **labels = arena_alloc(arena, count * sizeof *labels);
    pthread_mutex_lock(&metrics->mutex);
    for (size_t i = 0; i < count; i++) {
        if (metrics->routes[i].count == 0)
            continue;
        copy[used] = metrics->routes[i];
        labels[used++] = labels_of(arena, i == metrics->route_count ? NULL : &routes[i]);
    }
    pthread_mutex_unlock(&metrics->mutex);
    for (size_t family = 0; family < ARRAY_LEN(families); family++) {
        head(out, families[family].name, families[family].type, families[family].help);
        for (size_t i = 0; i < used; i++)
            families[family].write(out, &copy[i], labels[i]);
    }
}

/* ---- The moment -------------------------------------------------------------------------------------------------- */

/* Where the last success of each operation is written down. */
static const struct {
    const char *operation, *table, *sql;
} successes[] = {
    {"export", "hubport.exports", "SELECT extract(epoch FROM max(created_at))::bigint FROM hubport.exports"},
    {"import", "public.audit_log",
     "SELECT extract(epoch FROM max(created_at))::bigint FROM public.audit_log"
     " WHERE action_type = 'database.import' AND success"},
    {"price_sync", "hubport.price_sync", "SELECT extract(epoch FROM succeeded_at)::bigint FROM hubport.price_sync"},
};

static bool ask_success(struct pg_conn *conn, struct arena *arena, size_t which, FILE *out, struct err *err)
{
    struct pg_result rows;
    if (!pg_query(conn, arena, &rows, err, "SELECT to_regclass($1) IS NOT NULL", PG_ARGS(successes[which].table)))
        return false;
    if (!pg_bool(&rows, 0, 0))
        return true;
    if (!pg_query(conn, arena, &rows, err, successes[which].sql, PG_NO_ARGS))
        return false;
    if (rows.count > 0 && *pg_text(&rows, 0, 0) != '\0')
        fprintf(out, "hubport_last_success_timestamp_seconds{operation=\"%s\"} %lld\n", successes[which].operation,
                (long long)pg_int(&rows, 0, 0));
    return true;
}

static void write_database(struct app *app, FILE *out, struct arena *arena, const struct cancel *cancel)
{
    struct err err;
    int taken, idle;
    pg_pool_use(app->pool, &taken, &idle);
    head(out, "hubport_database_pool_connections", "gauge", "Connections of the pool, in use and open but idle.");
    fprintf(out,
            "hubport_database_pool_connections{state=\"used\"} %d\n"
            "hubport_database_pool_connections{state=\"idle\"} %d\n",
            taken, idle);
    head(out, "hubport_last_success_timestamp_seconds", "gauge", "When an operation last succeeded, by any server.");
    struct pg_conn *conn = pg_pool_take(app->pool, cancel, &err);
    bool up = conn != NULL;
    for (size_t i = 0; up && i < ARRAY_LEN(successes); i++)
        up = ask_success(conn, arena, i, out, &err);
    pg_pool_give(app->pool, conn);
    gauge(out, "hubport_database_up", "Whether the database answers.", up);
}

static void write_process(struct app *app, FILE *out)
{
    struct lock_holder holder;
    long long pages = 0, resident = 0;
    FILE *statm = fopen("/proc/self/statm", "re");
    bool known = statm != NULL && fscanf(statm, "%lld %lld", &pages, &resident) == 2;
    if (statm != NULL)
        fclose(statm);
    if (known)
        gauge(out, "process_resident_memory_bytes", "Resident memory.", resident * sysconf(_SC_PAGESIZE));
    gauge(out, "hubport_backup_lock_held", "Whether an export, an import or a rollback runs, on any server.",
          backup_lock_peek(app, &holder));
    gauge(out, "hubport_temp_bytes", "Bytes of temporary files of all servers that share the directory.",
          (long long)tempfile_bytes(config_text(app->config, SETTING_TMP_DIR)));
    head(out, "hubport_build_info", "gauge", "The version that runs.");
    fprintf(out, "hubport_build_info{version=\"%s\"} 1\n", HUBPORT_VERSION);
}

const char *metrics_text(struct metrics *metrics, struct app *app, struct arena *arena,
                         const struct metrics_route *routes, const struct cancel *cancel)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        abort();
    write_requests(metrics, out, arena, routes);
    write_database(app, out, arena, cancel);
    write_process(app, out);
    if (fclose(out) != 0)
        abort();
    const char *kept = arena_strdup(arena, text);
    free(text);
    return kept;
}
