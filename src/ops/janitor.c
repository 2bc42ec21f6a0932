#include "ops/janitor.h"

#include "backup/sweep.h"
#include "base/clock.h"

#include <pthread.h>

#define EARLY_MS 60000
#define SOON_MS 3000

struct janitor {
    struct app *app;
    struct cancel *cancel;
    pthread_t thread;
};

static void *work(void *context)
{
    struct janitor *janitor = context;
    struct err err;
    int64_t interval = MIN(config_ms(janitor->app->config, SETTING_TMP_SWEEP_INTERVAL), INT32_MAX);
    int64_t started = clock_mono_ms();
    bool first = true, soon = true;
    do {
        bool done = backup_sweep(janitor->app, first, janitor->cancel);
        soon = !done || clock_mono_ms() - started < EARLY_MS;
        first = false;
    } while (cancel_sleep(janitor->cancel, (int)(soon ? MIN(interval, SOON_MS) : interval), &err));
    return NULL;
}

struct janitor *janitor_start(struct app *app, struct err *err)
{
    struct janitor *janitor = calloc(1, sizeof *janitor);
    if (janitor == NULL)
        abort();
    janitor->app = app;
    janitor->cancel = cancel_new();
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
