/* Not covered: a first thread that cannot be started, and memory that is not there. */
#include "ops/janitor.h"

#include "backup/sweep.h"
#include "base/clock.h"
#include "batch/records.h"
#include "prices/sync.h"

#include <pthread.h>

#define EARLY_MS 60000
#define SOON_MS 3000

struct janitor {
    struct app *app;
    struct cancel *cancel;
    pthread_t thread;
    int64_t started_ms;
    bool swept;           /* at least once */
    int64_t sweep_ms;     /* when the next sweep is due, if nothing was left before */
    bool prices_at_start; /* whether there are any has not been looked after yet */
};

/* ---- The jobs ---------------------------------------------------------------------------------------------------- */

static int64_t sweep(struct janitor *janitor)
{
    int64_t interval = config_ms(janitor->app->config, SETTING_TMP_SWEEP_INTERVAL);
    if (clock_mono_ms() < janitor->sweep_ms && !atomic_load(&janitor->app->left_something))
        return SOON_MS;
    bool done = backup_sweep(janitor->app, !janitor->swept, janitor->cancel);
    janitor->swept = true;
    bool soon = !done || clock_mono_ms() - janitor->started_ms < EARLY_MS;
    janitor->sweep_ms = clock_mono_ms() + (soon ? 0 : interval);
    return MIN(interval, SOON_MS);
}

static int64_t sync_prices(struct janitor *janitor)
{
    return price_sync_scheduled(janitor->app, &janitor->prices_at_start, janitor->cancel);
}

static int64_t sweep_batches(struct janitor *janitor)
{
    return records_sweep(janitor->app, janitor->cancel);
}

/* Each does what is due and returns after how many milliseconds it wants to run again; -1: never. */
static int64_t (*const jobs[])(struct janitor *janitor) = {sweep, sync_prices, sweep_batches};

/* ---- The thread -------------------------------------------------------------------------------------------------- */

static void *work(void *context)
{
    struct janitor *janitor = context;
    struct err err;
    int64_t due[ARRAY_LEN(jobs)] = {0}, wait;
    do {
        int64_t next = INT64_MAX;
        for (size_t i = 0; i < ARRAY_LEN(jobs) && !cancel_fired(janitor->cancel); i++) {
            if (due[i] <= clock_mono_ms()) {
                int64_t again = jobs[i](janitor);
                due[i] = again < 0 ? INT64_MAX : clock_mono_ms() + again;
            }
            next = MIN(next, due[i]);
        }
        wait = MAX(next - clock_mono_ms(), 0);
    } while (cancel_sleep(janitor->cancel, (int)MIN(wait, INT32_MAX), &err));
    return NULL;
}

struct janitor *janitor_start(struct app *app, struct err *err)
{
    struct janitor *janitor = calloc(1, sizeof *janitor);
    if (janitor == NULL)
        abort();
    *janitor =
        (struct janitor){.app = app, .cancel = cancel_new(), .started_ms = clock_mono_ms(), .prices_at_start = true};
    if (pthread_create(&janitor->thread, NULL, work, janitor) == 0)
        return janitor;
    err_set(err, ERR_SYSTEM, "no thread for the periodic work");
    cancel_free(janitor->cancel);
    free(janitor);
    return NULL;
}

void janitor_stop(struct janitor *janitor)
{
    if (janitor == NULL)
        return;
    cancel_fire(janitor->cancel, ERR_SHUTTING_DOWN);
    pthread_join(janitor->thread, NULL);
    cancel_free(janitor->cancel);
    free(janitor);
}
